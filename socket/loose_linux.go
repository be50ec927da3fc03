//go:build linux && !386 && !s390x

package socket

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A looseConn is a connection that the runtime watches only while a goroutine
// has to wait for it. What comes meanwhile wakes no thread of the runtime, but
// whoever polls the descriptor: see Pollset.
//
// It is one descriptor at a time, of the file that the runtime watches or a
// bare one. Its number changes with that.
type looseConn struct {
	local, remote net.Addr
	polls         *Pollset

	mu     sync.RWMutex // for reading: calls on the bare descriptor
	fd     int          // bare; -1: it is the file's, or closed
	file   *os.File     // watched; nil: it is bare, or closed
	raw    syscall.RawConn
	waits  int // goroutines that use the file
	closed bool
	reads  time.Time // deadlines of both directions
	writes time.Time

	loan atomic.Pointer[loan] // while another reads the connection
	last *loan                // to be used again; of who reads

	// Of ReadNow.
	now     transfer
	receive func(fd uintptr)
}

// loosen takes the socket of a connection of package net over, to be lent to
// the pollset. What is no such connection is returned as it is, as is one for
// which there is no pollset, or no descriptor is left.
func loosen(c net.Conn, polls *Pollset) net.Conn {
	if polls == nil {
		return c
	}
	switch c.(type) {
	case *unixConn, *net.TCPConn:
	default:
		return c
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return c
	}
	fd := duplicate(raw)
	if fd < 0 {
		return c
	}
	c.Close()
	l := &looseConn{local: c.LocalAddr(), remote: c.RemoteAddr(), polls: polls, fd: fd}
	l.receive = func(fd uintptr) { l.now.receive(fd) }
	return l
}

// duplicate returns another descriptor of the socket, -1 if there is none.
func duplicate(raw syscall.RawConn) int {
	fd := -1
	_ = raw.Control(func(old uintptr) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		if errno == 0 {
			fd = int(n)
		}
	})
	return fd
}

// bare has the runtime watch the descriptor no longer. It reports false where
// it still is, because somebody waits for it or there is no other descriptor.
func (c *looseConn) bare() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.waits > 0 {
		return false
	}
	if c.file == nil {
		return true
	}
	fd := duplicate(c.raw)
	if fd < 0 {
		return false
	}
	c.file.Close()
	c.file, c.raw, c.fd = nil, nil, fd
	return true
}

// watched returns the connection as the runtime watches it, for one who calls
// unwait afterwards.
func (c *looseConn) watched() (syscall.RawConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	if c.file == nil {
		file := os.NewFile(uintptr(c.fd), "socket")
		raw, err := file.SyscallConn()
		if err != nil {
			return nil, err
		}
		c.file, c.raw, c.fd = file, raw, -1
		c.bound()
	}
	c.waits++
	return c.raw, nil
}

func (c *looseConn) unwait() {
	c.mu.Lock()
	c.waits--
	c.mu.Unlock()
}

// reason is why a wait has failed, in the words of package net. A file that is
// closed has other ones.
func (c *looseConn) reason(err error) error {
	if err == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return net.ErrClosed
	}
	return err
}

// bound passes the deadlines on to a file.
func (c *looseConn) bound() {
	if !c.reads.IsZero() {
		_ = c.file.SetReadDeadline(c.reads)
	}
	if !c.writes.IsZero() {
		_ = c.file.SetWriteDeadline(c.writes)
	}
}

// try calls f on the bare descriptor. It reports whether f was satisfied; a
// watched descriptor, and one with a deadline, is for the runtime.
func (c *looseConn) try(f func(fd uintptr) bool, deadline *time.Time) (bool, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch {
	case c.closed:
		return false, net.ErrClosed
	case c.file != nil, !deadline.IsZero():
		return false, nil
	}
	return f(uintptr(c.fd)), nil
}

// looseRaw is a connection's syscall.RawConn. Read and Write call f at once, and
// have the runtime watch only when it is to be called again.
type looseRaw struct{ *looseConn }

func (c looseRaw) Read(f func(fd uintptr) bool) error {
	return c.call(f, &c.reads, syscall.RawConn.Read)
}

func (c looseRaw) Write(f func(fd uintptr) bool) error {
	return c.call(f, &c.writes, syscall.RawConn.Write)
}

func (c looseRaw) call(f func(fd uintptr) bool, deadline *time.Time, wait func(syscall.RawConn, func(uintptr) bool) error) error {
	done, err := c.try(f, deadline)
	if done || err != nil {
		return err
	}
	raw, err := c.watched()
	if err != nil {
		return err
	}
	defer c.unwait()
	c.recall() // if it is lent: what comes would wake up two
	return c.reason(wait(raw, f))
}

func (c looseRaw) Control(f func(fd uintptr)) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch {
	case c.closed:
		return net.ErrClosed
	case c.file != nil:
		return c.raw.Control(f)
	}
	f(uintptr(c.fd))
	return nil
}

// SyscallConn is that of syscall.Conn.
func (c *looseConn) SyscallConn() (syscall.RawConn, error) { return looseRaw{c}, nil }

// ReadNow reads what is there: 0 without an error is nothing. It is for who
// reads in place of the connection's goroutine.
func (c *looseConn) ReadNow(p []byte) (int, error) {
	c.now = transfer{buf: p}
	return c.now.end(looseRaw{c}.Control(c.receive))
}

// recall has the connection read by its own goroutine again.
func (c *looseConn) recall() {
	if l := c.loan.Load(); l != nil {
		l.set.recall(l)
	}
}

// The methods of net.Conn.

func (c *looseConn) Read(p []byte) (int, error) {
	t := transfer{buf: p}
	return t.end(looseRaw{c}.Read(t.receive))
}

func (c *looseConn) Write(p []byte) (int, error) {
	t := transfer{buf: p}
	return t.end(looseRaw{c}.Write(t.send))
}

func (c *looseConn) Close() error {
	err := c.polls.close(c)
	c.recall()
	return err
}

// close is for the pollset.
func (c *looseConn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	if c.file != nil {
		return c.file.Close()
	}
	return syscall.Close(c.fd)
}

// CloseWrite is that of net.TCPConn.
func (c *looseConn) CloseWrite() error {
	var failed error
	err := looseRaw{c}.Control(func(fd uintptr) { failed = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
	return errors.Join(err, failed)
}

func (c *looseConn) LocalAddr() net.Addr  { return c.local }
func (c *looseConn) RemoteAddr() net.Addr { return c.remote }

func (c *looseConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *looseConn) SetReadDeadline(t time.Time) error {
	err := c.setDeadline(&c.reads, t, (*os.File).SetReadDeadline)
	c.recall()
	return err
}

func (c *looseConn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.writes, t, (*os.File).SetWriteDeadline)
}

func (c *looseConn) setDeadline(at *time.Time, t time.Time, set func(*os.File, time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	*at = t
	if c.file == nil {
		return nil
	}
	return set(c.file, t)
}
