package main

// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// message views memory of the caller: package socket encodes a message before
// Send returns. It keeps the retain key, which is therefore copied.
func message(m *C.ls_message) socket.Message {
	out := socket.Message{
		Type:         socket.MessageType(m._type),
		TimestampMs:  int64(m.timestamp_ms),
		EventName:    view(m.event_name),
		TimestampISO: view(m.timestamp_iso),
	}
	if m.data != nil {
		out.Data = goBytes(m.data, m.data_size)
	}
	if m.retain_key.text != nil {
		out.RetainKey = goString(m.retain_key)
	}
	return out
}

//export goSend
func goSend(kind C.uint32_t, id C.uint64_t, m *C.ls_message) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	return failed(h.Send(message(m)))
}

//export goSendTo
func goSendTo(id, client C.uint64_t, m *C.ls_message) (status C.int) {
	defer rescue(&status)
	h := find(C.LS_SERVER, id)
	if h == nil {
		return badHandle(C.LS_SERVER)
	}
	return failed(h.server.SendTo(socket.ClientID(client), message(m)))
}

// messagePool holds the slices of goSendMany between its calls.
var messagePool = sync.Pool{New: func() any { return new([]socket.Message) }}

//export goSendMany
func goSendMany(sent *C.size_t, kind C.uint32_t, id C.uint64_t, messages *C.ls_message, count C.size_t) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	pooled := messagePool.Get().(*[]socket.Message)
	list := (*pooled)[:0]
	from := unsafe.Slice(messages, int(count))
	for i := range from {
		list = append(list, message(&from[i]))
	}
	n, err := h.SendMany(list)
	*sent = C.size_t(n)
	clear(list) // nothing may point to the caller's memory any longer
	*pooled = list
	messagePool.Put(pooled)
	return failed(err)
}

//export goSendPacked
func goSendPacked(sent *C.size_t, kind C.uint32_t, id C.uint64_t, document unsafe.Pointer, size C.size_t) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	n, err := h.SendPacked(goBytes(document, size))
	*sent = C.size_t(n)
	return failed(err)
}
