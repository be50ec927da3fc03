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
	t.Run("unix", func(t *testing.T) { raisesNoSIGPIPE(t, Unix, plainSettings(t)) })
	t.Run("tls", func(t *testing.T) { raisesNoSIGPIPE(t, TCP, tlsSettings(t)) })
}

func raisesNoSIGPIPE(t *testing.T, transport Transport, s *Settings) {
	a, b := mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
	b.Close()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGPIPE, syscall.SIGWINCH)
	defer signal.Stop(signals)
	var err error
	for c := newRawConn(a); err == nil || errors.Is(err, syscall.ECONNRESET); { // of TCP the peer has to say so first
		_, err = c.Write([]byte("x"))
	}
	if !errors.Is(err, syscall.EPIPE) {
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
