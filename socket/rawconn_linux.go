//go:build linux && !386 && !s390x

package socket

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// A direct makes the system calls of one connection itself, on the
// non-blocking descriptor, and leaves only the waiting to package net. The
// functions it hands over are made once: made for each call, they would be
// allocated for each call.
type direct struct {
	raw         syscall.RawConn
	in, out     transfer
	read, write func(fd uintptr) bool
	awaitRead   func(fd uintptr) bool

	spinner *spinner // of who reads; nil: it does not spin
}

// A transfer is the call under way in one direction.
type transfer struct {
	buf  []byte
	now  bool // it does not wait
	done int
	err  error
}

// directIO returns direct calls for a socket of the system, nil for any other
// connection.
func directIO(c net.Conn) io.ReadWriter {
	switch c.(type) {
	case *unixConn, *net.UnixConn, *net.TCPConn, *looseConn:
	default:
		return nil
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.read = d.in.receive
	d.write = d.out.send
	d.awaitRead = d.in.await
	return d
}

func (d *direct) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return d.receive(transfer{buf: p})
}

// ReadNow is Read that does not wait: see nowIO.
func (d *direct) ReadNow(p []byte) (int, error) {
	return d.receive(transfer{buf: p, now: true})
}

func (d *direct) receive(t transfer) (int, error) {
	d.in = t
	n, err := d.in.end(d.raw.Read(d.read))
	if n > 0 {
		d.spinner.arm()
	}
	return n, err
}

func (d *direct) spin(most time.Duration, notified bool) {
	d.spinner = newSpinner(most, notified)
}

// ReadSoon looks again and again: see nowIO. Each look is a call of package net,
// so that Close and deadlines end it as they end a wait.
func (d *direct) ReadSoon(p []byte) (int, error) {
	if !d.spinner.begin() {
		return 0, nil
	}
	defer d.spinner.end()
	for {
		n, err := d.ReadNow(p)
		if n > 0 || err != nil || !d.spinner.again() {
			return n, err
		}
	}
}

func (d *direct) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	d.out = transfer{buf: p}
	return d.out.end(d.raw.Write(d.write))
}

// AwaitRead waits until there is something to read, the end included.
func (d *direct) AwaitRead() error {
	d.in = transfer{}
	return d.raw.Read(d.awaitRead)
}

// await looks once. What it is woken up for is there.
func (t *transfer) await(fd uintptr) bool {
	if t.done > 0 {
		return true
	}
	t.done = 1
	for {
		var b byte
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_PEEK, 0, 0)
		if errno != syscall.EINTR {
			return errno != syscall.EAGAIN
		}
	}
}

// WriteNow is Write that does not wait: see nowIO.
func (d *direct) WriteNow(p []byte) int {
	d.out = transfer{buf: p, now: true}
	n, _ := d.out.end(d.raw.Write(d.write))
	return n
}

// receive reads once. It returns false to wait for something to read.
func (t *transfer) receive(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd,
			uintptr(unsafe.Pointer(&t.buf[0])), uintptr(len(t.buf)))
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			return t.now
		case errno != 0:
			t.err = os.NewSyscallError("read", errno)
		case n == 0:
			t.err = io.EOF
		default:
			t.done = int(n)
		}
		return true
	}
}

// send writes until nothing is left. It returns false to wait for room.
func (t *transfer) send(fd uintptr) bool {
	for t.done < len(t.buf) {
		rest := t.buf[t.done:]
		// Not write(2): a program that hosts this library may let SIGPIPE
		// kill it.
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd,
			uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)), syscall.MSG_NOSIGNAL, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return t.now
		case errno != 0:
			t.err = os.NewSyscallError("sendto", errno)
			return true
		default:
			t.done += int(n)
		}
	}
	return true
}

// end gives the result of the transfer, and lets go of the buffer. A failed
// wait (deadline passed, connection closed) goes before.
func (t *transfer) end(waited error) (int, error) {
	n, err := t.done, t.err
	t.buf = nil
	if waited != nil {
		err = waited
	}
	return n, err
}
