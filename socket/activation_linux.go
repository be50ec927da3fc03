package socket

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Socket activation: a service manager makes the listening socket, starts the
// program when somebody connects, and passes the socket on, as sd_listen_fds(3)
// describes. Who connected before the program ran waits in the socket, with
// what it has sent.
//
// Such a socket stays the manager's: its file is neither made, nor changed,
// nor removed by us, and there is no lock. The descriptor stays open when the
// server closes, so that the next server of the process can have it. The
// environment is only read: it is the host's.

const (
	firstPassed = 3 // the first descriptor that a manager passes
	mostPassed  = 1 << 16
)

// A passedSocket is a descriptor that a service manager passed.
type passedSocket struct {
	fd      int
	name    string           // its FileDescriptorName; "" for none
	address syscall.Sockaddr // nil: it is no stream socket that listens
}

// taken are the passed descriptors that a server of this process listens on.
var taken = struct {
	sync.Mutex
	fds map[int]bool
}{fds: map[int]bool{}}

// passedListener listens on a socket that a service manager passed.
type passedListener struct {
	net.Listener
	fd   int
	once sync.Once
}

// Close stops listening, and leaves the socket to the next server.
func (l *passedListener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() {
		taken.Lock()
		delete(taken.fds, l.fd)
		taken.Unlock()
	})
	return err
}

// listenPassed returns a listener on the socket that was passed for the event;
// nil, and how many were passed, when none is for it. It is for the event when
// it has its name, or is bound to the address that the server would bind.
func listenPassed(ctx context.Context, t Transport, event string, s *Settings, env environment) (net.Listener, int, error) {
	passed, err := passedSockets(env)
	if err != nil || len(passed) == 0 {
		return nil, 0, err
	}
	ours, err := choosePassed(ctx, passed, t, event, s)
	if err != nil || ours == nil {
		return nil, len(passed), err
	}
	listen := func() (net.Listener, error) { return ours.listen(event) }
	var l net.Listener
	if addr, ok := ours.netAddr().(*net.TCPAddr); ok {
		if err := s.TCP.checkTLS(true); err != nil {
			return nil, 0, err
		}
		l, err = guarded(net.IPAddr{IP: addr.IP}, s, listen)
	} else {
		l, err = listen()
	}
	return l, 0, err
}

// passedSockets lists what the environment says that this process was passed.
func passedSockets(env environment) ([]passedSocket, error) {
	if env["LISTEN_PID"] != strconv.Itoa(os.Getpid()) {
		return nil, nil // nothing, or meant for a process before us
	}
	count, err := strconv.Atoi(env["LISTEN_FDS"])
	if err != nil || count < 0 || count > mostPassed {
		return nil, fail(ErrInvalid, "LISTEN_FDS=%q is no number of descriptors that a service manager passes", printable(env["LISTEN_FDS"]))
	}
	names := strings.Split(env["LISTEN_FDNAMES"], ":")
	passed := make([]passedSocket, count)
	for i := range passed {
		passed[i].fd = firstPassed + i
		passed[i].address = listeningAddress(passed[i].fd)
		if len(names) == count {
			passed[i].name = names[i]
		}
	}
	return passed, nil
}

// listeningAddress is where a stream socket listens, nil when the descriptor
// is none.
func listeningAddress(fd int) syscall.Sockaddr {
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil || kind != syscall.SOCK_STREAM {
		return nil
	}
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil || listens == 0 {
		return nil
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		return nil
	}
	return address
}

// choosePassed returns the socket that is for the event, nil when none is. The
// name that a unit gives goes before the address.
func choosePassed(ctx context.Context, passed []passedSocket, t Transport, event string, s *Settings) (*passedSocket, error) {
	var ours []*passedSocket
	for i := range passed {
		p := &passed[i]
		if p.name != event {
			continue
		}
		if p.address == nil {
			return nil, fail(ErrInvalid, "the service manager passed descriptor %d as %q, and it is no stream socket that listens", p.fd, event)
		}
		if p.transport() == t {
			ours = append(ours, p)
		}
	}
	if len(ours) == 0 {
		isOwn, err := ownAddress(ctx, t, event, s)
		if err != nil {
			return nil, err
		}
		for i := range passed {
			if p := &passed[i]; p.transport() == t && isOwn(p.netAddr()) {
				ours = append(ours, p)
			}
		}
	}
	switch len(ours) {
	case 0:
		return nil, nil
	case 1:
		return ours[0], nil
	}
	return nil, fail(ErrInvalid, "the service manager passed %d %s sockets for event %q, and a server listens on one", len(ours), t, event)
}

// ownAddress returns what tells the address that a server would bind by itself.
func ownAddress(ctx context.Context, t Transport, event string, s *Settings) (func(net.Addr) bool, error) {
	if t == Unix {
		path, err := filepath.Abs(filepath.Join(s.SocketDir, socketName(event)))
		if err != nil {
			return nil, dirError(s.SocketDir, err)
		}
		return func(a net.Addr) bool { return sameSocketFile(a.String(), path) }, nil
	}
	if s.TCP.Port <= 0 {
		return func(net.Addr) bool { return false }, nil
	}
	host, err := resolveListenHost(ctx, s.TCP.Host)
	return func(a net.Addr) bool {
		bound := a.(*net.TCPAddr)
		return bound.Port == s.TCP.Port && bound.IP.Equal(host.IP)
	}, err
}

// sameSocketFile reports whether two paths lead to one socket, also where one
// of them goes through a link.
func sameSocketFile(a, b string) bool {
	if a == b {
		return true
	}
	fileA, errA := os.Stat(a)
	fileB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fileA, fileB)
}

func (p *passedSocket) transport() Transport {
	switch p.address.(type) {
	case *syscall.SockaddrUnix:
		return Unix
	case *syscall.SockaddrInet4, *syscall.SockaddrInet6:
		return TCP
	}
	return ""
}

func (p *passedSocket) netAddr() net.Addr {
	switch a := p.address.(type) {
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: a.Name, Net: "unix"}
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	}
	return nil
}

// listen takes the socket for this process, one server at a time.
func (p *passedSocket) listen(event string) (net.Listener, error) {
	taken.Lock()
	defer taken.Unlock()
	if taken.fds[p.fd] {
		return nil, fail(ErrInUse, "event %q is already served by this process, on the socket that the service manager passed", event)
	}
	// A copy, for package net to close; both are closed in what we execute.
	syscall.CloseOnExec(p.fd)
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(p.fd), syscall.F_DUPFD_CLOEXEC, firstPassed)
	if errno != 0 {
		return nil, fail(ErrIO, "cannot take the socket that the service manager passed for event %q: %w", event, errno)
	}
	file := os.NewFile(fd, event)
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fail(ErrIO, "cannot listen on the socket that the service manager passed for event %q: %w", event, cause(err))
	}
	if unix, ok := l.(*net.UnixListener); ok {
		l = &unixListener{UnixListener: unix, addr: p.netAddr().(*net.UnixAddr)}
	}
	taken.fds[p.fd] = true
	return &passedListener{Listener: l, fd: p.fd}, nil
}
