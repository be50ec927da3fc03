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

// leastPlaces is how many goroutines may run at once on however small a
// machine. A host's thread keeps its place among them for a while after a call
// has returned; one that comes when all are taken waits until another lets go,
// or the runtime's monitor notices. On one or two cores that was a third of a
// round trip from a host and back.
const leastPlaces = 4

func init() {
	C.ls_restore_nofile()
	runtime.GOMAXPROCS(max(leastPlaces, runtime.GOMAXPROCS(0)))
}

func main() {}
