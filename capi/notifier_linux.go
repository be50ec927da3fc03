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
// leaves the poller asleep. Only its end takes the lock for itself: whoever is
// woken by it may run in place of the one who wakes, and must find no lock.
type notifier struct {
	mu      sync.RWMutex
	fd      int
	polls   *socket.Pollset // what waiters poll
	ending  bool            // readable for good
	waiters sync.WaitGroup
}

func newNotifier() (*notifier, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return nil, fmt.Errorf("%w: eventfd: %w", socket.ErrIO, errno)
	}
	return &notifier{fd: int(fd), polls: socket.NewPollset(int(fd))}, nil
}

// set makes the descriptor readable or not. It never blocks: an eventfd that is
// counted up by each who has something, and read to nothing.
func (n *notifier) set(readable bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
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
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.fd, !n.ending
}

// join registers a waiter and returns what it polls; false once it is ending.
func (n *notifier) join() (int, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.ending {
		return -1, false
	}
	n.waiters.Add(1)
	return n.polls.Enter(), true
}

// leave ends what join began, which returned fd.
func (n *notifier) leave(fd int) {
	n.polls.Leave(fd)
	n.waiters.Done()
}

// end makes the descriptor readable for good, waits until every waiter has
// left, and closes it.
func (n *notifier) end() {
	n.mu.Lock()
	n.ending = true
	n.write(true)
	n.mu.Unlock()
	n.waiters.Wait()
	n.polls.End()
	n.mu.Lock()
	defer n.mu.Unlock()
	syscall.Close(n.fd)
	n.fd = -1
}
