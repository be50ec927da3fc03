package main

// #include "shim.h"
import "C"

import (
	"unicode/utf8"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

//export goSettings
func goSettings(block *unsafe.Pointer, size *C.size_t, texts *C.ls_text) (status C.int) {
	defer rescue(&status)
	makeRoom()
	args := unsafe.Slice(texts, 2)
	var t socket.Transport
	if args[0].text != nil {
		var err error
		if t, err = socket.ParseTransport(goString(args[0])); err != nil {
			return failed(err)
		}
	}
	s, err := socket.LoadSettingsEnviron(t, goString(args[1]), environ())
	if err != nil {
		return failed(err)
	}
	values := s.Map()
	files := make([]any, len(s.Files))
	for i, path := range s.Files {
		files[i] = path
		if !utf8.ValidString(path) { // in the home of who is named so
			files[i] = []byte(path)
		}
	}
	values["files"] = files
	return failed(giveValue(block, size, values))
}

//export goJSONToMsgpack
func goJSONToMsgpack(block *unsafe.Pointer, size *C.size_t, json *C.ls_text) (status C.int) {
	defer rescue(&status)
	makeRoom()
	data, err := socket.JSONToMsgpack(goBytes(unsafe.Pointer(json.text), json.length))
	if err != nil {
		return failed(err)
	}
	return failed(giveBytes(block, size, data))
}

//export goMsgpackToJSON
func goMsgpackToJSON(json **C.char, value *C.ls_text) (status C.int) {
	defer rescue(&status)
	makeRoom()
	text, err := socket.MsgpackToJSON(goBytes(unsafe.Pointer(value.text), value.length))
	if err != nil {
		return failed(err)
	}
	return failed(giveString(json, string(text)))
}
