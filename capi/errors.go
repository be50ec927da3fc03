package main

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// statusOK and the ones below are the statuses that the boundary gives by
// itself; all others come from package socket with their error.
const (
	statusOK        = C.int(socket.CodeOK)
	statusInternal  = C.int(socket.CodeInternal)
	statusInvalid   = C.int(socket.CodeInvalid)
	statusBadHandle = C.int(socket.CodeBadHandle)
	statusTimeout   = C.int(socket.CodeTimeout)
	statusNoMemory  = C.int(socket.CodeNoMemory)
)

// errNoMemory: C has no memory for what the host is to be given.
var errNoMemory = errors.New("out of memory")

// failed returns the status of err, OK for nil, and makes the text of err the
// last error of the calling thread.
func failed(err error) C.int {
	switch {
	case err == nil:
		return statusOK
	case err == socket.ErrTimeout:
		return C.ls_fail_plain(statusTimeout)
	case err == errNoMemory:
		return C.ls_fail_plain(statusNoMemory)
	}
	return failText(C.int(socket.CodeOf(err)), err.Error())
}

// failText is failed for a status and text of the boundary's own.
func failText(status C.int, text string) C.int {
	return C.ls_fail_copy(status, (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
}

// rescue is deferred by every export: no panic may reach the host.
func rescue(status *C.int) {
	if r := recover(); r != nil {
		*status = failText(statusInternal, panicText(r))
	}
}

// rescueError is rescue for the goroutines.
func rescueError(err *error) {
	if r := recover(); r != nil {
		*err = errors.New(panicText(r))
	}
}

// panicText is what a bug report needs.
func panicText(r any) string {
	return fmt.Sprintf("internal error: %v\n%s", r, debug.Stack())
}
