package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// A pump hands the events of a handle to its callback, from the first to
// CLOSED. It copies each batch into a block of C memory that its thread keeps.
type pump struct {
	callback, user C.uintptr_t
	event          string
	closed         bool // CLOSED was given
	inGo           bool // it waits in Go
}

// run is started by goOpen and ends after CLOSED, which close waits for. It
// keeps its thread, and the thread ends with it.
func (p *pump) run(h *handle) {
	runtime.LockOSThread()
	defer close(h.pumped)
	defer C.ls_callback_end()
	if h.notifier != nil {
		defer givePlace()
	}
	if err := p.deliverAll(h); err != nil {
		// A bug. There is no call that could return it: the host is told
		// and the handle ends.
		p.log(err.Error())
		h.Close()
	}
	if !p.closed {
		last := C.libsocket_event{kind: C.LIBSOCKET_EVENT_CLOSED}
		C.ls_call(p.callback, &last, 1, p.user)
	}
}

// deliverAll delivers until the endpoint is closed. An error is a panic.
func (p *pump) deliverAll(h *handle) (err error) {
	defer rescueError(&err)
	var batch socket.Batch
	defer batch.Release()
	for {
		switch err := p.receive(h, &batch); {
		case err == nil:
			p.deliver(batch.Events)
		case errors.Is(err, socket.ErrClosed):
			return nil
		default:
			// The end of a connection that does not come back: only close
			// brings more.
			<-h.Done()
		}
	}
}

func (p *pump) deliver(events []socket.Event) {
	size := structsSize(events, p.event)
	block := C.ls_callback_block(C.size_t(size))
	if block == nil {
		panic("no memory for the events of a callback")
	}
	fillStructs(block, size, events, p.event)
	p.closed = events[len(events)-1].Kind == socket.EventClosed
	C.ls_call(p.callback, (*C.libsocket_event)(block), C.size_t(len(events)), p.user)
}

func (p *pump) log(text string) {
	var err error
	defer rescueError(&err)
	p.deliver([]socket.Event{{Kind: socket.EventLog, Level: slog.LevelError, Text: text}})
}

// pumpsInC are the pumps that wait in C, where they read for themselves. More
// of them than there are places would only fight for those: the others wait in
// Go, for what goroutines read.
var pumpsInC atomic.Int32

// takePlace reports whether one more pump waits in C; givePlace undoes it.
func takePlace() bool {
	if pumpsInC.Add(1) <= leastPlaces {
		return true
	}
	givePlace()
	return false
}

func givePlace() { pumpsInC.Add(-1) }

// receive takes events, and waits for them.
func (p *pump) receive(h *handle, batch *socket.Batch) error {
	for !p.inGo {
		err := h.TryReceiveBatch(batch, 0)
		if err != socket.ErrTimeout {
			return err
		}
		p.inGo = !h.notifier.wait()
	}
	return h.ReceiveBatch(context.Background(), batch, 0)
}

// wait returns when there may be something, at once when the handle is ending;
// false when it cannot wait.
func (n *notifier) wait() bool {
	fd, ok := n.join()
	if !ok {
		return true
	}
	defer n.leave(fd)
	return bool(C.ls_wait_for_ever(C.int(fd)))
}
