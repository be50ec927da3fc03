package main

// #include "shim.h"
import "C"

//export goConnected
func goConnected(id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_CLIENT, id)
	if h == nil {
		return badHandle(C.LS_CLIENT)
	}
	if h.client.Connected() {
		return 1
	}
	return 0
}

//export goBuffered
func goBuffered(count *C.size_t, id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_CLIENT, id)
	if h == nil {
		return badHandle(C.LS_CLIENT)
	}
	*count = C.size_t(h.client.Buffered())
	return statusOK
}

//export goBufferClear
func goBufferClear(id C.uint64_t) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_CLIENT, id)
	if h == nil {
		return badHandle(C.LS_CLIENT)
	}
	h.client.ClearBuffer()
	return statusOK
}
