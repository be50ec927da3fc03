package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// givePacked stores the events as one block that holds a MessagePack array of
// rows.
func givePacked(block *unsafe.Pointer, size *C.size_t, events []socket.Event, own string) error {
	bound := rowsBound(events)
	if !allocate(block, bound) {
		return errNoMemory
	}
	rows := appendRows(unsafe.Slice((*byte)(*block), bound)[:0], events, own)
	if len(rows) > bound {
		panic("packed rows are larger than their bound")
	}
	*size = C.size_t(len(rows))
	return nil
}
