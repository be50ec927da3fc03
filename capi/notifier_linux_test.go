package main

import (
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// isReadable polls without waiting.
func isReadable(t *testing.T, fd int) bool {
	t.Helper()
	const pollin = 1
	p := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollin, 0}
	var none syscall.Timespec
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&none)), 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return p.revents&pollin != 0
}

func TestNotifierIsReadableWhileItIsSet(t *testing.T) {
	n, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	fd, ok := n.descriptor()
	if !ok || isReadable(t, fd) {
		t.Fatal("readable from the start")
	}
	for range 3 {
		n.set(true)
		if !isReadable(t, fd) {
			t.Error("not readable after set(true)")
		}
		n.set(false)
		if isReadable(t, fd) {
			t.Error("readable after set(false)")
		}
	}
	n.end()
	if _, ok := n.descriptor(); ok {
		t.Error("a descriptor after the end")
	}
}

// The end is told to waiters, and they are waited for.
func TestNotifierEndsWithItsWaiters(t *testing.T) {
	n, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	fd, _ := n.join()
	if _, ok := n.join(); !ok {
		t.Fatal("not joined")
	}
	ended := make(chan struct{})
	go func() { // ends with the second waiter
		n.end()
		close(ended)
	}()
	for !isReadable(t, fd) { // until end has begun
	}
	n.set(false) // what was waiting has been taken: it stays readable
	if !isReadable(t, fd) {
		t.Error("not readable while it is ending")
	}
	if _, ok := n.join(); ok {
		t.Error("joined while it is ending")
	}
	n.leave(fd)
	select {
	case <-ended:
		t.Error("ended before its waiters have left")
	default:
	}
	n.leave(fd)
	<-ended
}

// Whatever the order, a notifier that is ending stays readable.
func TestNotifierEndWinsOverSet(t *testing.T) {
	for range 200 {
		n, err := newNotifier()
		if err != nil {
			t.Fatal(err)
		}
		fd, _ := n.join()
		var all sync.WaitGroup
		all.Go(n.end)
		all.Go(func() { n.set(true); n.set(false) })
		all.Go(func() {
			for { // until end has begun
				if _, ok := n.descriptor(); !ok {
					break
				}
			}
			n.set(false)
			if !isReadable(t, fd) {
				t.Error("not readable while it is ending")
			}
			n.leave(fd)
		})
		all.Wait()
	}
}
