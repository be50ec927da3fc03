package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

const eventSize = int(unsafe.Sizeof(C.libsocket_event{}))

// giveStructs stores the events as one block: the array, then what it points
// to.
func giveStructs(block *unsafe.Pointer, count *C.size_t, events []socket.Event, own string) error {
	size := structsSize(events, own)
	if !allocate(block, size) {
		return errNoMemory
	}
	fillStructs(*block, size, events, own)
	*count = C.size_t(len(events))
	return nil
}

// structsSize is at least what fillStructs needs.
func structsSize(events []socket.Event, own string) int {
	const terminators = 4 // of event name, timestamp, text or address, data
	size := len(own) + 1
	for i := range events {
		e := &events[i]
		size += eventSize + terminators + len(e.EventName) + len(e.TimestampISO) + len(e.Data) + len(e.Text) + len(e.Address)
	}
	return size
}

// fillStructs writes the events to size bytes at p. The handle's own event
// name, which nearly all messages bear, is written once.
func fillStructs(p unsafe.Pointer, size int, events []socket.Event, own string) {
	list := unsafe.Slice((*C.libsocket_event)(p), len(events))
	a := arena{unsafe.Add(p, len(events)*eventSize), size - len(events)*eventSize}
	name := a.putString(own)
	for i := range events {
		e := &events[i]
		out := C.libsocket_event{
			kind:         C.uint32_t(e.Kind),
			reason:       C.uint32_t(e.Reason),
			level:        C.int32_t(e.Level),
			timestamp_ms: C.int64_t(e.TimestampMs),
			seq:          C.uint64_t(e.Seq),
			count:        C.uint64_t(e.Count),
			client:       C.uint64_t(e.Client),
		}
		if e.Kind == socket.EventMessage {
			out._type = C.uint32_t(e.Type)
			out.flags = eventFlags(e)
			out.event_name = name
			if string(e.EventName) != own {
				out.event_name = a.put(e.EventName)
			}
			out.timestamp_iso = a.put(e.TimestampISO)
			out.data = a.copy(e.Data, 0)
			out.data_size = C.size_t(len(e.Data))
		} else {
			if hasText(e) {
				out.text = a.putString(e.Text)
			}
			if e.Kind == socket.EventConnected {
				out.address = a.putString(e.Address)
			}
			if e.Peer != nil {
				out.pid, out.uid, out.gid = C.int64_t(e.Peer.PID), C.int64_t(e.Peer.UID), C.int64_t(e.Peer.GID)
			}
		}
		list[i] = out
	}
}

func eventFlags(e *socket.Event) C.uint32_t {
	var flags C.uint32_t
	if e.Unicast {
		flags |= C.LIBSOCKET_UNICAST
	}
	if e.Retained {
		flags |= C.LIBSOCKET_RETAINED
	}
	return flags
}

// hasText says whether the header gives events of this kind a text, which may
// then be empty.
func hasText(e *socket.Event) bool {
	switch e.Kind {
	case socket.EventConnected:
		return e.Client != 0
	case socket.EventDisconnected, socket.EventRefused, socket.EventLog:
		return true
	}
	return false
}
