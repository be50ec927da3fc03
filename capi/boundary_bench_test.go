package main

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// The Go halves of what crosses. What a call from C costs on top of that is
// measured from C, in test/boundary_bench.c.

// BenchmarkGoSend is the Go half of a send, to an endpoint that does nothing.
func BenchmarkGoSend(b *testing.B) {
	h := openAlways(b, nil)
	send, sendMany := sendingOf(goSend, h), sendingManyOf(goSendMany, h, 64)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			send()
		}
	})
	b.Run("many=64", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sendMany()
		}
	})
}

// BenchmarkGive writes events into C memory, as structs and as rows. All of
// the memory is used again: what malloc costs is in boundary_bench.c.
func BenchmarkGive(b *testing.B) {
	const own = "wallpaper_progress"
	for _, form := range []struct {
		name string
		size func([]socket.Event) int
		fill func(unsafe.Pointer, int, []socket.Event)
	}{
		{
			"structs",
			func(events []socket.Event) int { return structsSize(events, own) },
			func(p unsafe.Pointer, size int, events []socket.Event) { fillStructs(p, size, events, own) },
		},
		{
			"rows", rowsBound,
			func(p unsafe.Pointer, size int, events []socket.Event) {
				appendRows(unsafe.Slice((*byte)(p), size)[:0], events, own)
			},
		},
	} {
		for _, n := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s=%d", form.name, n), func(b *testing.B) {
				events := progressEvents(b, n)
				var p unsafe.Pointer
				if !allocate(&p, form.size(events)) {
					b.Fatal("no memory")
				}
				b.ReportAllocs()
				for b.Loop() {
					form.fill(p, form.size(events), events)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
			})
		}
	}
}

// BenchmarkFind looks a handle up among many, as every call does.
func BenchmarkFind(b *testing.B) {
	var tab table
	var h *handle
	for range 100 {
		h = new(handle)
		tab.add(h)
	}
	b.ReportAllocs()
	for b.Loop() {
		runtime.KeepAlive(tab.get(h.id))
	}
}
