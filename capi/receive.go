package main

// #include "shim.h"
import "C"

import (
	"github.com/RandomGenericUsername/libsocket/socket"
)

// goReceive takes what waits. Without anything, LS_JOIN makes the caller a
// waiter: it polls receipt.fd in C and comes back with it and LS_AGAIN, or ends
// with goLeave.
//
//export goReceive
func goReceive(receipt *C.ls_receipt, kind C.uint32_t, id C.uint64_t, form, step C.uint32_t, limit C.size_t) (status C.int) {
	defer rescue(&status)
	waited := int(receipt.fd)
	receipt.fd = -1
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	if !h.pulled() {
		return notPulled(h)
	}
	if step == C.LS_AGAIN {
		defer func() {
			if receipt.fd < 0 {
				h.notifier.leave(waited)
			}
		}()
	}
	err := h.receive(receipt, form, limit)
	if err == socket.ErrTimeout && step != C.LS_TRY {
		fd, waits := waited, true
		if step == C.LS_JOIN {
			fd, waits = h.notifier.join()
		}
		if waits {
			receipt.fd, receipt.spin_us = C.int(fd), C.int(h.spin())
			return statusOK
		}
		// Closed since: what came with the end is there now.
		err = h.receive(receipt, form, limit)
	}
	receipt.closing = C.bool(h.closing.Load())
	if err == socket.ErrTimeout {
		return statusTimeout // C knows the text
	}
	return failed(err)
}

// receive stores what waits in the receipt. Without memory for it, it stays
// for the next receive.
func (h *handle) receive(receipt *C.ls_receipt, form C.uint32_t, limit C.size_t) error {
	h.taking.Lock()
	defer h.taking.Unlock()
	if !h.unread {
		if err := h.TryReceiveBatch(&h.batch, int(min(limit, maxBatch))); err != nil {
			return err
		}
	}
	give := giveStructs
	if form == C.LS_PACKED {
		give = givePacked
	}
	err := give(&receipt.block, &receipt.size, h.batch.Events, h.event)
	h.unread = err != nil
	h.fresh.Store(err == nil)
	if err == nil && !h.hold {
		h.batch.Release()
	}
	return err
}

// spin is for how many µs to look before sleeping: once after something was
// taken, so that nothing is spent on a peer that is silent.
func (h *handle) spin() int64 {
	if h.fresh.Swap(false) {
		return h.spinTime.Microseconds()
	}
	return 0
}

// maxBatch keeps a limit within an int.
const maxBatch = 1 << 30

func notPulled(h *handle) C.int {
	if h.pumped != nil {
		return failText(statusInvalid, "the handle has a callback: its events are not pulled")
	}
	return failText(statusInvalid, "the server was opened without LIBSOCKET_PULL")
}

// goJoin makes the caller a waiter, who polls receipt.fd and ends with goLeave,
// unless there is something to receive.
//
//export goJoin
func goJoin(receipt *C.ls_receipt, kind C.uint32_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	if !h.pulled() {
		return notPulled(h)
	}
	h.taking.Lock()
	unread := h.unread
	h.taking.Unlock()
	if unread {
		return statusOK
	}
	if fd, ok := h.notifier.join(); ok {
		receipt.fd, receipt.spin_us = C.int(fd), C.int(h.spin())
	}
	return statusOK
}

//export goLeave
func goLeave(kind C.uint32_t, id C.uint64_t, fd C.int) {
	var status C.int
	defer rescue(&status)
	if h := find(kind, id); h != nil {
		h.notifier.leave(int(fd))
	}
}

//export goFD
func goFD(kind C.uint32_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	switch {
	case h == nil:
		return badHandle(kind)
	case !h.pulled():
		return notPulled(h)
	}
	fd, ok := h.notifier.descriptor()
	if !ok || h.closing.Load() {
		return failed(socket.ErrClosed)
	}
	return C.int(fd)
}
