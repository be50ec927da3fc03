// Command capi is libsocket.so: the package socket behind the C functions of
// include/libsocket.h. It translates and decides nothing.
//
// The public functions are C (api_*.c): they judge arguments, read the
// caller's memory, wait, and call the functions that the Go files export. The
// version script libsocket.map makes only them visible. .ci/library.mk builds
// it, with the checksum of the public header in CGO_CFLAGS: go build does not
// notice a change of a header outside the package.
//
// The go:debug lines spare the host two descriptors of cgroup files that the
// runtime would keep open.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

// #cgo CFLAGS: -I${SRCDIR}/../include -std=gnu11 -Wall -Wextra -Wno-unused-parameter
// #include "shim.h"
import "C"

import "runtime"

func init() {
	C.ls_restore_nofile()
	// A host's thread keeps its place among the goroutines for a while after
	// a call has returned. On a single core there would be no other, and what
	// the call has started would wait for the runtime's monitor to notice.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
}

func main() {}
