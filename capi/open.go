package main

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

//export goOpen
func goOpen(id *C.uint64_t, kind C.uint32_t, texts *C.ls_text, flags C.uint32_t, callback, user C.uintptr_t) (status C.int) {
	defer rescue(&status)
	makeRoom()
	if text := flagsProblem(kind, flags, callback); text != "" {
		return failText(statusInvalid, text)
	}
	args := unsafe.Slice(texts, 3)
	h, err := open(kind, goString(args[0]), goString(args[1]), goString(args[2]), flags, callback != 0)
	if err != nil {
		return failed(err)
	}
	if callback != 0 {
		h.pumped = make(chan struct{})
	}
	handles.add(h)
	*id = C.uint64_t(h.id) // before the first callback, which may use it
	if callback != 0 {
		p := &pump{callback: callback, user: user, event: h.event, inGo: h.notifier == nil}
		go p.run(h)
	}
	return statusOK
}

// flagsProblem says what is wrong with the flags, "" when nothing is.
func flagsProblem(kind, flags C.uint32_t, callback C.uintptr_t) string {
	switch {
	case kind == C.LS_CLIENT && flags != 0:
		return "flags of a client must be 0"
	case flags&^(C.LIBSOCKET_PULL|C.LIBSOCKET_HOLD) != 0:
		return "flags has bits that are not LIBSOCKET_PULL or LIBSOCKET_HOLD"
	case flags&C.LIBSOCKET_PULL != 0 && callback != 0:
		return "LIBSOCKET_PULL does not go together with a callback"
	case flags == C.LIBSOCKET_HOLD && callback == 0:
		return "LIBSOCKET_HOLD needs a callback or LIBSOCKET_PULL"
	}
	return ""
}

func open(kind C.uint32_t, transport, event, overrides string, flags C.uint32_t, callback bool) (_ *handle, err error) {
	t, err := socket.ParseTransport(transport)
	if err != nil {
		return nil, err
	}
	env := environ()
	settings, err := socket.LoadSettingsEnviron(t, overrides, env)
	if err != nil {
		return nil, err
	}
	// There are leastPlaces; but who asks for a spin wants nothing late.
	gather := settings.Spin == 0
	if callback {
		// Its thread is woken up for each batch, and a spinning one delays that.
		settings.Spin = 0
	}
	pull := flags&C.LIBSOCKET_PULL != 0 || kind == C.LS_CLIENT && !callback
	h := &handle{event: event, hold: flags&C.LIBSOCKET_HOLD != 0, spinTime: settings.Spin}
	cfg := socket.Config{
		Settings: settings, Environ: env, KeepEvents: pull || callback, HoldClients: h.hold,
		Gather: gather,
	}
	waitsInC := callback && takePlace()
	if waitsInC {
		defer func() {
			if err != nil {
				givePlace()
			}
		}()
	}
	if pull || waitsInC {
		if h.notifier, err = newNotifier(); err != nil {
			return nil, err
		}
		cfg.Notify = h.notifier.set
		cfg.Pollset = h.notifier.polls
	}
	if kind == C.LS_SERVER {
		h.server, err = socket.Listen(context.Background(), t, event, cfg)
		h.endpoint = h.server
	} else {
		h.client, err = socket.Dial(context.Background(), t, event, cfg)
		h.endpoint = h.client
	}
	if err != nil {
		if h.notifier != nil {
			h.notifier.end()
		}
		return nil, err
	}
	return h, nil
}

//export goClose
func goClose(kind C.uint32_t, id C.uint64_t, inCallback C.bool) (status C.int) {
	defer rescue(&status)
	h := find(kind, id)
	if h == nil {
		return badHandle(kind)
	}
	mine, err := h.close(bool(inCallback))
	if !mine {
		return badHandle(kind)
	}
	return failed(err)
}

// find returns the open handle of that kind, nil when there is none.
func find(kind C.uint32_t, id C.uint64_t) *handle {
	makeRoom()
	h := handles.get(uint64(id))
	if h == nil || (kind == C.LS_SERVER) != (h.server != nil) {
		return nil
	}
	return h
}

func badHandle(kind C.uint32_t) C.int {
	if kind == C.LS_SERVER {
		return failText(statusBadHandle, "not an open server")
	}
	return failText(statusBadHandle, "not an open client")
}
