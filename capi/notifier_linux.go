package main

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// A notifier keeps a descriptor readable exactly while events wait. It also
// knows who polls it, because a descriptor that is closed under a poller
// leaves the poller asleep.
type notifier struct {
	mu      sync.Mutex
	fd      int
	ending  bool // readable for good
	waiters int
	idle    sync.Cond // ending, and a waiter has left
}

func newNotifier() (*notifier, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return nil, fmt.Errorf("%w: eventfd: %w", socket.ErrIO, errno)
	}
	n := &notifier{fd: int(fd)}
	n.idle.L = &n.mu
	return n, nil
}

// set makes the descriptor readable or not. It runs under the inbox's lock and
// never blocks: an eventfd that is counted up once and read once.
func (n *notifier) set(readable bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ending {
		n.write(readable)
	}
}

func (n *notifier) write(readable bool) {
	value := uint64(1)
	call := uintptr(syscall.SYS_READ)
	if readable {
		call = syscall.SYS_WRITE
	}
	syscall.RawSyscall(call, uintptr(n.fd), uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value))
}

// descriptor returns what the host polls; false once it is ending.
func (n *notifier) descriptor() (int, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fd, !n.ending
}

// join registers a waiter and returns what it polls; false once it is ending.
func (n *notifier) join() (int, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ending {
		return -1, false
	}
	n.waiters++
	return n.fd, true
}

// leave ends what join began.
func (n *notifier) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiters--
	if n.ending {
		n.idle.Signal()
	}
}

// end makes the descriptor readable for good, waits until every waiter has
// left, and closes it.
func (n *notifier) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ending = true
	n.write(true)
	for n.waiters > 0 {
		n.idle.Wait()
	}
	syscall.Close(n.fd)
	n.fd = -1
}
