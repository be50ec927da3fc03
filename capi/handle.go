package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// endpoint is what a server and a client have in common.
type endpoint interface {
	Event() string
	Send(socket.Message) error
	SendMany([]socket.Message) (int, error)
	SendPacked([]byte) (int, error)
	ReceiveBatch(context.Context, *socket.Batch, int) error
	TryReceiveBatch(*socket.Batch, int) error
	Done() <-chan struct{}
	Close() error
}

// A handle is an open server or client with its way of delivery: a notifier
// when events are waited for in C, by the host or by a pump, and a pump when it
// gave a callback; neither when it wants no events.
type handle struct {
	id uint64
	endpoint
	server  *socket.Server // nil for a client
	client  *socket.Client // nil for a server
	event   string
	hold    bool // LIBSOCKET_HOLD
	closing atomic.Bool

	notifier *notifier
	pumped   chan struct{} // closed when the pump has ended; nil without one

	taking sync.Mutex // one receive at a time
	batch  socket.Batch
	unread bool // the batch was taken but could not be handed over

	spinTime time.Duration // the setting spin_us
	fresh    atomic.Bool   // something was taken since a receive last spun
}

// pulled reports whether the host takes the events with receive.
func (h *handle) pulled() bool { return h.notifier != nil && h.pumped == nil }

// close closes the endpoint and sees every waiter and, unless it is called
// inside a callback, the running callback off. It returns false when someone
// else closes the handle.
func (h *handle) close(inCallback bool) (bool, error) {
	if !h.closing.CompareAndSwap(false, true) {
		return false, nil
	}
	err := h.Close()
	if h.notifier != nil {
		h.notifier.end()
	}
	if h.pumped != nil && !inCallback {
		<-h.pumped
	}
	handles.remove(h)
	return true, err
}
