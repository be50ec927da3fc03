package main

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

//export goInspect
func goInspect(block *unsafe.Pointer, size *C.size_t, texts *C.ls_text) (status C.int) {
	defer rescue(&status)
	makeRoom()
	args := unsafe.Slice(texts, 3)
	t, err := socket.ParseTransport(goString(args[0]))
	if err != nil {
		return failed(err)
	}
	s, err := socket.LoadSettingsEnviron(t, goString(args[2]), environ())
	if err != nil {
		return failed(err)
	}
	info, err := socket.Inspect(context.Background(), t, goString(args[1]), socket.Config{Settings: s})
	if err != nil {
		return failed(err)
	}
	return failed(giveValue(block, size, info.Map()))
}

//export goList
func goList(block *unsafe.Pointer, size *C.size_t, settings *C.ls_text) (status C.int) {
	defer rescue(&status)
	makeRoom()
	s, err := socket.LoadSettingsEnviron(socket.Unix, goString(*settings), environ())
	if err != nil {
		return failed(err)
	}
	infos, err := socket.List(context.Background(), socket.Config{Settings: s})
	if err != nil {
		return failed(err)
	}
	list := make([]map[string]any, len(infos))
	for i, info := range infos {
		list[i] = info.Map()
	}
	return failed(giveValue(block, size, list))
}
