package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestTransportContractFull is the part of the contract about a server that
// takes no more connections for the moment.
func TestTransportContractFull(t *testing.T) {
	t.Run("unix/context ends while connecting", func(t *testing.T) { contractContextEnds(t, Unix) })
	t.Run("tcp/context ends while connecting", func(t *testing.T) { contractContextEnds(t, TCP) })
	// Not for TCP: there the system tries again, after a whole second.
	t.Run("unix/connects when there is room", func(t *testing.T) { contractRoom(t, Unix) })
}

func contractContextEnds(t *testing.T, transport Transport) {
	s := transportSettings(t.TempDir())
	fullServer(t, transport, "x", s)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := dial(ctx, transport, "x", s); err != context.DeadlineExceeded {
		t.Errorf("dial until the deadline: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { // ends when ctx does
		_, err := dial(ctx, transport, "x", s)
		ended <- err
	}()
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("dial until cancelled: %v", err)
	}
}

func contractRoom(t *testing.T, transport Transport) {
	s := transportSettings(t.TempDir())
	makeRoom := fullServer(t, transport, "x", s)
	connected := make(chan error)
	go func() { // ends when there is room, or with the test
		c, err := dial(t.Context(), transport, "x", s)
		if err == nil {
			c.Close()
		}
		connected <- err
	}()
	makeRoom()
	if err := <-connected; err != nil {
		t.Error(err)
	}
}

// fullServer serves the event with a backlog that is full, until makeRoom is
// called. Only the system's own calls let us choose the backlog.
func fullServer(t *testing.T, transport Transport, event string, s *Settings) (makeRoom func()) {
	t.Helper()
	family, addr := syscall.AF_UNIX, syscall.Sockaddr(&syscall.SockaddrUnix{Name: filepath.Join(s.SocketDir, socketName(event))})
	if transport == TCP {
		family, addr = syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Bind(fd, addr), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	file.Close()
	if bound, ok := l.Addr().(*net.TCPAddr); ok {
		s.TCP.Port = bound.Port
		addr = &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: bound.Port}
	}
	for range 4 { // more than a backlog of 0 takes
		fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		err = syscall.Connect(fd, addr)
		if err != nil && err != syscall.EAGAIN && err != syscall.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return func() {
		ended := make(chan struct{})
		t.Cleanup(func() { l.Close(); <-ended })
		go func() { // ends when the listener is closed
			defer close(ended)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
	}
}

// asUser runs f as another user, on a thread that ends with it. The test ends
// when f has failed.
func asUser(t *testing.T, uid int, f func()) {
	t.Helper()
	needRoot(t, "acting as another user")
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is spoilt
		// Not Setresuid, which changes every thread.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			t.Errorf("becoming uid %d: %v", uid, errno)
			return
		}
		f()
	}()
	<-done
	if t.Failed() {
		t.FailNow()
	}
}

func needRoot(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip(why + " needs root")
	}
}

// openTempDir is a directory that every user can reach, which t.TempDir is
// not.
func openTempDir(t *testing.T, perm os.FileMode) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "libsocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	dir := filepath.Join(parent, "sockets")
	if err := errors.Join(os.Chmod(parent, 0o755), os.Mkdir(dir, 0o700), os.Chmod(dir, perm)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDescriptorsCloseOnExec: a program started by ours must not keep a name,
// a port or a connection alive.
func TestDescriptorsCloseOnExec(t *testing.T) {
	before := openDescriptors(t)
	for _, transport := range []Transport{Unix, TCP} {
		s := transportSettings(t.TempDir())
		mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
		w := watchServer(transport, "x", s)
		defer w.Close()
	}
	added := 0
	for fd := range openDescriptors(t) {
		if before[fd] {
			continue
		}
		added++
		flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			target, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
			t.Errorf("%s is kept open over exec", target)
		}
	}
	if added < 9 {
		t.Errorf("only %d descriptors were opened, the test is blind", added)
	}
}

func openDescriptors(t *testing.T) map[int]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	fds := map[int]bool{}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil {
			fds[fd] = true
		}
	}
	return fds
}
