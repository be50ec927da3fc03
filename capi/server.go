package main

// #include "shim.h"
import "C"

import (
	"context"
	"runtime/cgo"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

const infoSize = int(unsafe.Sizeof(C.libsocket_client_info{}))

//export goClients
func goClients(block **C.libsocket_client_info, count *C.size_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	infos := h.server.Clients()
	if len(infos) == 0 {
		return statusOK
	}
	size := 0
	for _, info := range infos {
		size += infoSize + len(info.Address) + len(info.Name) + 2
	}
	if !allocate((*unsafe.Pointer)(unsafe.Pointer(block)), size) {
		return failed(errNoMemory)
	}
	list := unsafe.Slice(*block, len(infos))
	a := arena{unsafe.Add(unsafe.Pointer(*block), len(infos)*infoSize), size - len(infos)*infoSize}
	for i, info := range infos {
		list[i] = C.libsocket_client_info{
			client:          C.uint64_t(info.ID),
			connected_at_ms: C.int64_t(info.ConnectedAt),
			pid:             C.int64_t(info.PID),
			uid:             C.int64_t(info.UID),
			gid:             C.int64_t(info.GID),
			address:         a.putString(info.Address),
			name:            a.putString(info.Name),
			delivered:       C.uint64_t(info.Delivered),
			missed:          C.uint64_t(info.Missed),
			backlog:         C.uint64_t(info.Backlog),
		}
	}
	*count = C.size_t(len(infos))
	return statusOK
}

// An audience is a wait for clients. A goroutine waits in Go, the caller polls
// the descriptor in C; goWaitClientsEnd ends both.
type audience struct {
	cancel context.CancelFunc
	ready  *notifier
	done   chan struct{} // closed when err is there
	err    error
}

// goWaitClients stores no audience when there is nothing to wait for.
//
//export goWaitClients
func goWaitClients(token *C.uintptr_t, fd *C.int, id C.uint64_t, count C.size_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	n := int(min(count, maxBatch))
	if len(h.server.Clients()) >= n {
		return statusOK
	}
	ready, err := newNotifier()
	if err != nil {
		return failed(err)
	}
	a := &audience{ready: ready, done: make(chan struct{})}
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	go a.wait(ctx, h.server, n)
	*token, *fd = C.uintptr_t(cgo.NewHandle(a)), C.int(ready.fd)
	return statusOK
}

// wait ends with the clients, the server, or cancel.
func (a *audience) wait(ctx context.Context, server *socket.Server, n int) {
	defer close(a.done)
	defer a.ready.set(true)
	defer rescueError(&a.err)
	a.err = server.WaitClients(ctx, n)
}

//export goWaitClientsEnd
func goWaitClientsEnd(token C.uintptr_t) (status C.int) {
	defer rescue(&status)
	makeRoom()
	a := cgo.Handle(token).Value().(*audience)
	cgo.Handle(token).Delete()
	a.cancel()
	<-a.done
	a.ready.end()
	return failed(a.err)
}

//export goAddress
func goAddress(address **C.char, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	return failed(giveString(address, h.server.Address()))
}

//export goQueueLength
func goQueueLength(count *C.size_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	*count = C.size_t(h.server.QueueLen())
	return statusOK
}

//export goQueueClear
func goQueueClear(id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	h.server.ClearQueue()
	return statusOK
}

//export goAnnounceRestart
func goAnnounceRestart(id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	h.server.AnnounceRestart()
	return statusOK
}

//export goEndSending
func goEndSending(id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	h.server.EndSending()
	return statusOK
}

//export goQueueTake
func goQueueTake(block *unsafe.Pointer, size *C.size_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	return failed(h.server.TakeQueueWith(func(messages []socket.Message) error {
		events := make([]socket.Event, len(messages))
		for i, m := range messages {
			events[i] = socket.Event{
				Kind:         socket.EventMessage,
				Type:         m.Type,
				TimestampMs:  m.TimestampMs,
				EventName:    []byte(m.EventName),
				TimestampISO: []byte(m.TimestampISO),
				Data:         m.Data,
			}
		}
		return givePacked(block, size, events, h.event)
	}))
}

//export goStats
func goStats(block *unsafe.Pointer, size *C.size_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	return failed(giveValue(block, size, h.server.Stats().Map()))
}

// giveValue stores v as MessagePack.
func giveValue(block *unsafe.Pointer, size *C.size_t, v any) error {
	data, err := socket.Marshal(v)
	if err != nil {
		return err
	}
	return giveBytes(block, size, data)
}
