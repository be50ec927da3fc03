package socket

import (
	"net"
	"strconv"
	"syscall"
	"testing"
)

// takePort occupies a port of 127.0.0.1 for the length of the test.
func takePort(t *testing.T) int {
	t.Helper()
	return mustListen(t, TCP, "x", transportSettings("")).Addr().(*net.TCPAddr).Port
}

func TestTCPRange(t *testing.T) {
	s := transportSettings("")
	taken := takePort(t)
	s.TCP.Port, s.TCP.PortRangeStart, s.TCP.PortRangeEnd = -1, taken, taken
	_, err := listen(t.Context(), TCP, "x", s)
	port := strconv.Itoa(taken)
	wantError(t, err, ErrNoPort, "No available port in range "+port+"-"+port)

	s.TCP.PortRangeStart, s.TCP.PortRangeEnd = taken-20, taken+20
	free := -1
	for port := taken - 20; free < 0; port++ {
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			l.Close()
			free = port
		}
	}
	l := mustListen(t, TCP, "x", s)
	if got := l.Addr().(*net.TCPAddr).Port; got != free {
		t.Errorf("listens on %d, the first free port is %d", got, free)
	}
	s.TCP.Port = -1 // mustListen has set it
	if next := mustListen(t, TCP, "x", s); next.Addr().(*net.TCPAddr).Port <= free {
		t.Errorf("a second server listens on %v", next.Addr())
	}
}

func TestTCPPortInUse(t *testing.T) {
	s := transportSettings("")
	s.TCP.Port = takePort(t)
	_, err := listen(t.Context(), TCP, "x", s)
	wantError(t, err, ErrInUse, "127.0.0.1:"+strconv.Itoa(s.TCP.Port))
}

func TestTCPHosts(t *testing.T) {
	for _, c := range []struct {
		host     string
		insecure bool
		want     error
		ip       string
	}{
		{"127.0.0.1", false, nil, "127.0.0.1"},
		{"127.0.0.2", false, nil, "127.0.0.2"},
		{"localhost", false, nil, "127.0.0.1"},
		{"::1", false, nil, "::1"},
		{"0.0.0.0", false, ErrNotAllowed, ""},
		{"::", false, ErrNotAllowed, ""},
		{"192.0.2.1", false, ErrNotAllowed, ""},
		{"0.0.0.0", true, nil, "0.0.0.0"},
		{"192.0.2.1", true, ErrIO, ""}, // an address that no machine has
		{"no such host", false, ErrIO, ""},
	} {
		t.Run(c.host, func(t *testing.T) {
			if c.host == "::1" {
				needIPv6(t)
			}
			s := transportSettings("")
			s.TCP.Host, s.TCP.Insecure = c.host, c.insecure
			if c.want != nil {
				_, err := listen(t.Context(), TCP, "x", s)
				wantError(t, err, c.want, c.host)
				return
			}
			l := mustListen(t, TCP, "x", s)
			if got := l.Addr().(*net.TCPAddr).IP.String(); got != c.ip {
				t.Errorf("listens on %s, want %s", got, c.ip)
			}
			mustConnect(t, TCP, "x", s, l)
		})
	}
}

func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	l.Close()
}

func TestTCPRefusalNamesTheWayOut(t *testing.T) {
	s := transportSettings("")
	s.TCP.Host = "0.0.0.0"
	_, err := listen(t.Context(), TCP, "x", s)
	wantError(t, err, ErrNotAllowed, "insecure = true")
}

func TestTCPClientNeedsPort(t *testing.T) {
	for _, port := range []int{-1, 0} {
		s := transportSettings("")
		s.TCP.Port = port
		_, err := dial(t.Context(), TCP, "x", s)
		wantError(t, err, ErrInvalid, "Port must be provided for TCP socket client: set port to the server's")
	}
}

// TestTCPNoDelay: a message is not held back until more has come.
func TestTCPNoDelay(t *testing.T) {
	s := transportSettings("")
	client, server := mustConnect(t, TCP, "x", s, mustListen(t, TCP, "x", s))
	for _, c := range []net.Conn{client, server} {
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var noDelay int
		_ = raw.Control(func(fd uintptr) {
			noDelay, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		})
		if noDelay == 0 || err != nil {
			t.Errorf("TCP_NODELAY is %d, %v", noDelay, err)
		}
	}
}
