package socket

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestRawConnIsDirect: every kind of connection that the transports give
// takes the fast way, and only those.
func TestRawConnIsDirect(t *testing.T) {
	s := transportSettings(t.TempDir())
	for _, transport := range []Transport{Unix, TCP} {
		a, b := mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
		for _, c := range []net.Conn{a, b} {
			if directIO(c) == nil {
				t.Errorf("a %T is not", c)
			}
		}
	}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if directIO(pipe) != nil {
		t.Errorf("a %T is", pipe)
	}
}

// TestRawConnRaisesNoSIGPIPE: a program that hosts the library may let that
// signal kill it.
func TestRawConnRaisesNoSIGPIPE(t *testing.T) {
	s := transportSettings(t.TempDir())
	a, b := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	b.Close()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGPIPE, syscall.SIGWINCH)
	defer signal.Stop(signals)
	if _, err := newRawConn(a).Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write gives %v, want EPIPE", err)
	}
	// A harmless one of a higher number, which is delivered after it.
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	if got := <-signals; got != syscall.SIGWINCH {
		t.Errorf("the write raised %v", got)
	}
}
