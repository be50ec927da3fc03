package socket

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { programs["activated"] = activatedProgram }

// activation is how a server that may have been passed a socket is.
type activation struct {
	outcome
	Address    string
	Inherited  []int `json:",omitempty"` // descriptors of the server that a program we execute would get
	EnvChanged bool
}

// activatedProgram opens and closes a server by turns, one turn an order. What
// a client says is said back to it.
func activatedProgram(p *program) error {
	before, inherited := os.Environ(), inheritedDescriptors()
	for {
		s, err := p.turn(func() (*Server, error) {
			return Listen(context.Background(), p.transport, "test", Config{Settings: p.settings, KeepEvents: true})
		})
		if s == nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		echoed := make(chan struct{})
		go func() { // ends when the server is closed
			defer close(echoed)
			for e := range s.Events(context.Background()) {
				if e.Kind == EventMessage {
					_ = s.SendTo(e.Client, e.Message())
				}
			}
		}()
		a := activation{Address: s.Address(), EnvChanged: !slices.Equal(before, os.Environ())}
		a.Inherited = slices.DeleteFunc(inheritedDescriptors(), func(fd int) bool {
			return fd != firstPassed && slices.Contains(inherited, fd)
		})
		if err := p.reports.Encode(a); err != nil {
			return err
		}
		err = p.orders.Decode(new(string))
		s.Close()
		<-echoed
		if err == io.EOF {
			return nil
		}
		if err := p.reports.Encode(activation{outcome: outcomeOf(err)}); err != nil {
			return err
		}
	}
}

// turn waits for an order and opens a server; until it succeeds, the outcome
// is reported and another order waited for.
func (p *program) turn(open func() (*Server, error)) (*Server, error) {
	for {
		if err := p.orders.Decode(new(string)); err != nil {
			return nil, err
		}
		s, err := open()
		if err == nil {
			return s, nil
		}
		if err := p.reports.Encode(activation{outcome: outcomeOf(err)}); err != nil {
			return nil, err
		}
	}
}

// inheritedDescriptors lists what would survive exec, beside the first three.
func inheritedDescriptors() (fds []int) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if fd >= firstPassed && errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

// manager is a service manager of a test: the sockets it passes, and what the
// environment says of them.
type manager struct {
	t       testing.TB
	sockets []syscall.Conn
	names   string   // LISTEN_FDNAMES; "": not set
	environ []string // goes before what the sockets say
	pid     string   // "$$": that of the program
}

// start runs the program with the sockets passed.
func (m *manager) start(b *bed) *process {
	b.t.Helper()
	// Only the shell knows the process id before the program runs.
	cmd := exec.CommandContext(b.ctx, "/bin/sh", "-c", `LISTEN_PID=`+m.pid+` exec "$0"`, os.Args[0])
	for _, s := range m.sockets {
		file, err := s.(interface{ File() (*os.File, error) }).File()
		require.NoError(b.t, err)
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(m.sockets)))
	if m.names != "" {
		cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+m.names)
	}
	cmd.Env = append(cmd.Env, m.environ...)
	return b.runCommand(cmd, "activated", nil)
}

// unixSocket is a listening socket as systemd makes one, with its own mode.
func (m *manager) unixSocket(path string) *manager {
	m.t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(m.t, err)
	l.SetUnlinkOnClose(false)
	m.t.Cleanup(func() { l.Close() })
	if path[0] != '@' {
		require.NoError(m.t, os.Chmod(path, 0o640))
	}
	m.sockets = append(m.sockets, l)
	return m
}

func (m *manager) tcpSocket(address string) *manager {
	m.t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { l.Close() })
	m.sockets = append(m.sockets, l.(*net.TCPListener))
	return m
}

// port is that of the last socket.
func (m *manager) port() int {
	return m.sockets[len(m.sockets)-1].(*net.TCPListener).Addr().(*net.TCPAddr).Port
}

func (m *manager) datagramSocket(path string) *manager {
	m.t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(m.t, err)
	m.t.Cleanup(func() { c.Close() })
	m.sockets = append(m.sockets, c)
	return m
}

// TestActivation: which of the sockets that a manager passes a server takes.
func TestActivation(t *testing.T) {
	for _, c := range []struct {
		name      string
		transport Transport
		setUp     func(m *manager, b *bed, dir string)
		want      string // the address, in dir; "": its own
		code      Code
		says      string
	}{
		{"by name", Unix, func(m *manager, _ *bed, dir string) {
			m.unixSocket(dir + "/a").unixSocket(dir + "/b").unixSocket(dir + "/c").names = "x:test:y"
		}, "b", CodeOK, ""},
		{"by path, no names", Unix, func(m *manager, b *bed, dir string) {
			m.unixSocket(dir + "/a").unixSocket(filepath.Join(b.settings.SocketDir, "test.sock"))
		}, "sockets/test.sock", CodeOK, ""},
		{"by path through a link", Unix, func(m *manager, b *bed, dir string) {
			require.NoError(t, os.Symlink(b.settings.SocketDir, dir+"/link"))
			m.unixSocket(dir + "/link/test.sock").names = "unit.socket"
		}, "link/test.sock", CodeOK, ""},
		{"the name goes before the path", Unix, func(m *manager, b *bed, dir string) {
			m.unixSocket(filepath.Join(b.settings.SocketDir, "test.sock")).unixSocket(dir + "/b").names = "x:test"
		}, "b", CodeOK, ""},
		{"a name for two transports", Unix, func(m *manager, b *bed, dir string) {
			m.tcpSocket("127.0.0.1:0").unixSocket(dir + "/b").names = "test:test"
		}, "b", CodeOK, ""},
		{"a name without a file", Unix, func(m *manager, b *bed, dir string) {
			m.unixSocket(fmt.Sprintf("@libsocket-test-%d", os.Getpid())).names = "test"
		}, fmt.Sprintf("@libsocket-test-%d", os.Getpid()), CodeOK, ""},
		{"none for this event", Unix, func(m *manager, _ *bed, dir string) {
			m.unixSocket(dir + "/a").names = "other"
		}, "sockets/test.sock", CodeOK, ""},
		{"for another process", Unix, func(m *manager, _ *bed, dir string) {
			m.unixSocket(dir+"/a").names, m.pid = "test", "1"
		}, "sockets/test.sock", CodeOK, ""},
		{"not asked for", Unix, func(m *manager, b *bed, dir string) {
			m.unixSocket(dir + "/a").names = "test"
			b.settings.SocketActivation = false
		}, "sockets/test.sock", CodeOK, ""},
		{"not asked for, at our path", Unix, func(m *manager, b *bed, dir string) {
			m.unixSocket(filepath.Join(b.settings.SocketDir, "test.sock")).names = "test"
			b.settings.SocketActivation = false
		}, "", CodeInUse, fmt.Sprintf("already served by pid %d", os.Getpid())},
		{"two of the name", Unix, func(m *manager, _ *bed, dir string) {
			m.unixSocket(dir + "/a").unixSocket(dir + "/b").names = "test:test"
		}, "", CodeInvalid, `2 unix sockets for event "test"`},
		{"no stream", Unix, func(m *manager, _ *bed, dir string) {
			m.datagramSocket(dir + "/a").names = "test"
		}, "", CodeInvalid, `descriptor 3 as "test", and it is no stream socket that listens`},
		{"no number", Unix, func(m *manager, _ *bed, dir string) {
			m.environ = []string{"LISTEN_FDS=x"}
		}, "", CodeInvalid, `LISTEN_FDS="x"`},
		{"fewer than said", Unix, func(m *manager, _ *bed, dir string) {
			m.unixSocket(dir + "/a").environ = []string{"LISTEN_FDS=9"}
		}, "sockets/test.sock", CodeOK, ""},
		{"tcp by name", TCP, func(m *manager, b *bed, dir string) {
			m.unixSocket(dir + "/a").tcpSocket("127.0.0.1:0").names = "test:test"
		}, "tcp", CodeOK, ""},
		{"tcp by address", TCP, func(m *manager, b *bed, dir string) {
			m.tcpSocket("127.0.0.1:0")
			b.settings.TCP.Port = m.port()
		}, "tcp", CodeOK, ""},
		{"tcp beyond loopback", TCP, func(m *manager, b *bed, dir string) {
			m.tcpSocket("0.0.0.0:0").names = "test"
		}, "", CodeNotAllowed, "not loopback"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, c.transport)
			dir := b.settings.SocketDir
			b.settings.SocketDir = filepath.Join(dir, "sockets")
			require.NoError(t, os.Mkdir(b.settings.SocketDir, 0o700))
			m := &manager{t: t, pid: "$$"}
			c.setUp(m, b, dir)
			p := m.start(b)
			var a activation
			p.order("open")
			p.report(&a)
			require.Equal(t, c.code, a.Code, a.Error)
			require.Contains(t, a.Error, c.says)
			require.False(t, a.EnvChanged)
			switch {
			case c.code != CodeOK:
			case c.want == "tcp":
				require.Equal(t, fmt.Sprintf("127.0.0.1:%d", m.port()), a.Address)
			case c.want[0] == '@':
				require.Equal(t, c.want, a.Address)
			default:
				require.Equal(t, filepath.Join(dir, c.want), a.Address)
			}
			p.end()
		})
	}
}

// TestActivationLeavesTheSocket: a socket that was passed is served by one
// server after the other, and its file stays as the manager made it.
func TestActivationLeavesTheSocket(t *testing.T) {
	b := newBed(t, Unix)
	path := filepath.Join(b.settings.SocketDir, "test.sock")
	m := (&manager{t: t, pid: "$$", names: "test"}).unixSocket(path)
	before, err := os.Lstat(path)
	require.NoError(t, err)
	p := m.start(b)
	for range 2 {
		var a activation
		p.order("open")
		p.report(&a)
		require.Equal(t, activation{Address: path}, a, "and nothing is left to a program that is executed")
		wantFiles(t, b.settings.SocketDir, "test.sock")
		c := b.dial()
		require.NoError(t, c.Send(number(t, 5)))
		receiveNumbers(b, c, 5, 5)
		require.NoError(t, c.Close())
		p.order("close")
		p.report(&a)
		require.Zero(t, a.outcome)
	}
	p.end()
	after, err := os.Lstat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	require.Equal(t, before.Mode(), after.Mode())
}

// TestActivationOnce: two servers of a process do not share a socket.
func TestActivationOnce(t *testing.T) {
	taken.Lock()
	taken.fds[firstPassed] = true
	taken.Unlock()
	defer delete(taken.fds, firstPassed)
	_, err := (&passedSocket{fd: firstPassed}).listen("test")
	wantError(t, err, ErrInUse, "already served by this process")
}

// TestSystemdSocketActivate has the real tool start a server when a client
// connects: what the client has said before there was a server is not lost.
func TestSystemdSocketActivate(t *testing.T) {
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate (Debian: systemd) is not installed")
	}
	eachTransport(t, func(t *testing.T, b *bed) {
		address := filepath.Join(b.settings.SocketDir, "test.sock")
		if b.transport == TCP {
			free, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address = free.Addr().String()
			b.settings.TCP.Port = free.Addr().(*net.TCPAddr).Port
			free.Close()
		}
		cmd := exec.CommandContext(b.ctx, tool, "--listen", address, "--fdname", "test",
			"--setenv", programEnv+"=activated", "--setenv", "GORACE=atexit_sleep_ms=20", os.Args[0])
		p := b.runCommand(cmd, "activated", nil)
		b.settings.WaitForServer = true
		b.comeBackWithin(eagerDelay, eagerDelay)
		c := b.dial()
		early := !b.settings.TCP.TLS // which shakes hands with a server that runs
		if early {
			nextEvent(b, c, EventConnected) // with the tool, which now runs the server
			require.NoError(t, c.Send(number(t, 1)))
		}
		before, statErr := os.Lstat(address)
		var a activation
		p.order("open")
		p.report(&a)
		require.Equal(t, activation{Address: address}, a)
		if !early {
			nextEvent(b, c, EventConnected)
			require.NoError(t, c.Send(number(t, 1)))
		}
		receiveNumbers(b, c, 1, 1)
		later := b.dial()
		nextEvent(b, later, EventConnected)
		require.NoError(t, later.Send(number(t, 2)))
		receiveNumbers(b, later, 2, 2)
		p.end()
		if b.transport == Unix {
			require.NoError(t, statErr)
			after, err := os.Lstat(address)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after))
			require.Equal(t, before.Mode(), after.Mode())
			wantFiles(t, b.settings.SocketDir, "test.sock")
		}
	})
}
