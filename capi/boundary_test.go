package main

import (
	"testing"
	"time"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// A test cannot name types of C: "use of cgo in test not supported". It can
// have them inferred, as those of the functions that C calls.

// The numbers of shim.h.
const (
	lsServer = 1
	lsTry    = 0
)

// sendingOf returns the call of goSend with a message without data.
func sendingOf[S ~int32, K ~uint32, I ~uint64, M any](send func(K, I, *M) S, h *handle) func() int {
	var m M
	return func() int { return int(send(lsServer, I(h.id), &m)) }
}

// sendingManyOf returns the call of goSendMany with n of them.
func sendingManyOf[S ~int32, N ~uint32 | ~uint64, K ~uint32, I ~uint64, M any](
	send func(*N, K, I, *M, N) S, h *handle, n int,
) func() int {
	messages := make([]M, n)
	var sent N
	return func() int { return int(send(&sent, lsServer, I(h.id), &messages[0], N(n))) }
}

// receivingOf returns the call of goReceive that does not wait. Nothing in Go
// frees what it gives: a test takes little.
func receivingOf[S ~int32, R any, K ~uint32, I ~uint64, N ~uint32 | ~uint64](
	receive func(*R, K, I, K, K, N) S, h *handle, form K,
) func() int {
	var receipt R
	return func() int { return int(receive(&receipt, lsServer, I(h.id), form, lsTry, 0)) }
}

// always is an endpoint that takes what is sent, and at which the same events
// are always waiting.
type always struct {
	endpoint
	events []socket.Event
}

func (always) Send(socket.Message) error                       { return nil }
func (always) SendMany(messages []socket.Message) (int, error) { return len(messages), nil }

func (a always) TryReceiveBatch(b *socket.Batch, _ int) error {
	b.Release()
	b.Events = append(b.Events, a.events...)
	return nil
}

// openAlways opens a handle of such an endpoint.
func openAlways(tb testing.TB, events []socket.Event) *handle {
	n, err := newNotifier()
	if err != nil {
		tb.Fatal(err)
	}
	h := &handle{endpoint: always{events: events}, server: new(socket.Server), event: "wallpaper_progress", notifier: n}
	handles.add(h)
	tb.Cleanup(func() {
		handles.remove(h)
		n.end()
	})
	return h
}

// progressEvents are so many messages, which all look alike.
func progressEvents(tb testing.TB, n int) []socket.Event {
	data, err := socket.Marshal(map[string]any{"step": "Generating effects", "progress": 33.3, "status": "processing"})
	if err != nil {
		tb.Fatal(err)
	}
	e := messageEvent("wallpaper_progress")
	e.Type, e.Data = socket.Data, data
	events := make([]socket.Event, n)
	for i := range events {
		events[i] = e
	}
	return events
}

// TestReceiveSpinsOnceForWhatItTook: a receive that finds nothing does not make
// the next one spin, and by default none does.
func TestReceiveSpinsOnceForWhatItTook(t *testing.T) {
	for _, most := range []time.Duration{0, 50 * time.Microsecond} {
		h := openAlways(t, progressEvents(t, 1))
		h.spinTime = most
		for range 2 {
			if us := h.spin(); us != 0 {
				t.Errorf("spins for %d µs before anything was taken", us)
			}
			if status := receivingOf(goReceive, h, 0)(); status != 0 {
				t.Fatal("status", status)
			}
			if us := h.spin(); us != most.Microseconds() {
				t.Errorf("spins for %d µs and not %v", us, most)
			}
		}
	}
}

// TestBoundaryDoesNotAllocate: what crosses does so without memory of Go, but
// for one slice of all the messages of a call that the race detector takes out
// of its pool now and then. That of C is counted in test/memory_test.c.
func TestBoundaryDoesNotAllocate(t *testing.T) {
	const many = 64
	h := openAlways(t, progressEvents(t, 4))
	for _, call := range []struct {
		name string
		call func() int
		most float64
	}{
		{"send", sendingOf(goSend, h), 0},
		{"send many", sendingManyOf(goSendMany, h, many), many / 4},
		{"receive structs", receivingOf(goReceive, h, 0), 0},
		{"receive packed", receivingOf(goReceive, h, 1), 0},
	} {
		status := 0
		allocs := testing.AllocsPerRun(100, func() { status = min(status, call.call()) })
		if status != 0 || allocs > call.most {
			t.Errorf("%s: status %d, %v allocations", call.name, status, allocs)
		}
	}
}
