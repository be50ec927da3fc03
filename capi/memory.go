package main

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"strings"
	"unsafe"
)

// allocate stores C memory that the host releases with libsocket_free; false
// when there is none left.
func allocate(block *unsafe.Pointer, size int) bool {
	return bool(C.ls_allocate(block, C.size_t(size)))
}

// view is a string of the caller, for the time of the call.
func view(t C.ls_text) string {
	return unsafe.String((*byte)(unsafe.Pointer(t.text)), int(t.length))
}

// goString copies a string of the caller.
func goString(t C.ls_text) string { return strings.Clone(view(t)) }

// goBytes is a view of memory of the caller, for the time of the call.
func goBytes(data unsafe.Pointer, size C.size_t) []byte {
	return unsafe.Slice((*byte)(data), int(size))
}

// environ copies the environment of this moment. Go's own is the one that the
// process was started with.
func environ() []string {
	list := []string{}
	for p := C.ls_environ(); *p != nil; p = (**C.char)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		list = append(list, C.GoString(*p))
	}
	return list
}

// giveBytes stores a copy of data as a block of the host's. It is never empty:
// malloc may give NULL for no bytes.
func giveBytes(block *unsafe.Pointer, size *C.size_t, data []byte) error {
	if !allocate(block, max(len(data), 1)) {
		return errNoMemory
	}
	copy(unsafe.Slice((*byte)(*block), len(data)), data)
	*size = C.size_t(len(data))
	return nil
}

// giveString stores a copy of text, NUL-terminated.
func giveString(block **C.char, text string) error {
	var size C.size_t
	return giveBytes((*unsafe.Pointer)(unsafe.Pointer(block)), &size, append([]byte(text), 0))
}

// An arena hands out the bytes of one block from front to back.
type arena struct {
	next unsafe.Pointer
	left int
}

// put copies text into the arena, NUL-terminated.
func (a *arena) put(text []byte) *C.char {
	return (*C.char)(a.copy(text, 1))
}

func (a *arena) putString(text string) *C.char {
	return a.put(unsafe.Slice(unsafe.StringData(text), len(text)))
}

// copy copies data and leaves zero further bytes after it.
func (a *arena) copy(data []byte, further int) unsafe.Pointer {
	size := len(data) + further
	if size > a.left {
		panic("a block is smaller than what goes into it")
	}
	p := a.next
	to := unsafe.Slice((*byte)(p), size)
	clear(to[copy(to, data):])
	a.next = unsafe.Add(p, size)
	a.left -= size
	return p
}
