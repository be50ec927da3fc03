package socket

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// rawPair is a connection to test, both ends of it.
type rawPair struct{ a, b *rawConn }

// eachRawConn runs the test over every kind of connection.
func eachRawConn(t *testing.T, test func(t *testing.T, p rawPair)) {
	for _, transport := range []Transport{Unix, TCP} {
		t.Run(string(transport), func(t *testing.T) {
			s := transportSettings(t.TempDir())
			a, b := mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
			test(t, rawPair{newRawConn(a), newRawConn(b)})
		})
	}
	t.Run("tls", func(t *testing.T) {
		s := tlsSettings(t)
		a, b := mustConnect(t, TCP, "x", s, mustListen(t, TCP, "x", s))
		test(t, rawPair{newRawConn(a), newRawConn(b)})
	})
	t.Run("plain unix", func(t *testing.T) {
		s := transportSettings(t.TempDir())
		a, b := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
		test(t, rawPair{newRawConn(a.(*unixConn).UnixConn), newRawConn(b)})
	})
	t.Run("pipe", func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		test(t, rawPair{newRawConn(a), newRawConn(b)})
	})
}

// TestRawConnBytes moves far more than the system buffers, both ways at once,
// in pieces of every size.
func TestRawConnBytes(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		sent := make([]byte, 3<<20)
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		ended := make(chan error)
		for _, c := range []*rawConn{p.a, p.b} {
			go func() { // ends when all is written
				n, err := c.Write(sent)
				if err == nil && n != len(sent) {
					err = io.ErrShortWrite
				}
				ended <- err
			}()
			go func() { // ends when all is read
				got := make([]byte, 0, len(sent))
				piece := make([]byte, 100_000)
				for len(got) < len(sent) {
					n, err := c.Read(piece[:1+rand.IntN(len(piece))])
					if err != nil {
						ended <- err
						return
					}
					got = append(got, piece[:n]...)
				}
				if !bytes.Equal(got, sent) {
					ended <- errors.New("other bytes arrive than were sent")
					return
				}
				ended <- nil
			}()
		}
		for range 4 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRawConnEnd(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		p.b.Close()
		if n, err := p.a.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Errorf("read gives %d, %v, want io.EOF", n, err)
		}
	})
}

func TestRawConnCloseWrite(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		if _, half := p.a.conn.(interface{ CloseWrite() error }); !half {
			if err := p.a.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("got %v, want errors.ErrUnsupported", err)
			}
			return
		}
		if err := p.a.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read gives %v, want io.EOF", err)
		}
		if _, err := p.b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := p.a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("the other way gives %d, %v", n, err)
		}
	})
}

func TestRawConnNothing(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		if _, system := p.a.conn.(syscall.Conn); !system {
			return // a pipe waits for the other side even so
		}
		if n, err := p.a.Read(nil); n != 0 || err != nil {
			t.Errorf("reading nothing gives %d, %v", n, err)
		}
		if n, err := p.a.Write(nil); n != 0 || err != nil {
			t.Errorf("writing nothing gives %d, %v", n, err)
		}
	})
}

func TestRawConnDeadlines(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		soon := time.Now().Add(10 * time.Millisecond)
		p.a.SetReadDeadline(soon)
		if n, err := p.a.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read gives %d, %v", n, err)
		}
		p.a.SetWriteDeadline(soon.Add(10 * time.Millisecond))
		big := make([]byte, 64<<20)
		n, err := p.a.Write(big)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n >= len(big) {
			t.Errorf("write gives %d, %v", n, err)
		}

		// And it goes on after that, with what was written before; but a
		// record of TLS that was begun cannot be ended.
		p.a.SetReadDeadline(time.Time{})
		p.a.SetWriteDeadline(time.Time{})
		if _, ok := p.a.conn.(*tlsConn); ok {
			if _, err := p.a.Write(big[:1000]); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the write after it gives %v", err)
			}
			return
		}
		got := make(chan int64)
		go func() { // ends when a is closed
			n, _ := io.Copy(io.Discard, p.b)
			got <- n
		}()
		more, err := p.a.Write(big[:1000])
		if err != nil {
			t.Error(err)
		}
		p.a.Close()
		if total := <-got; total != int64(n+more) {
			t.Errorf("%d bytes arrive of %d", total, n+more)
		}
	})
}

func TestRawConnCloseEndsCalls(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		ended := make(chan error)
		go func() { // ends when a is closed
			_, err := p.a.Read(make([]byte, 1))
			ended <- err
		}()
		go func() { // ends when a is closed
			_, err := p.a.Write(make([]byte, 64<<20))
			ended <- err
		}()
		if _, err := p.b.Read(make([]byte, 1)); err != nil { // the writer is at it
			t.Fatal(err)
		}
		p.a.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("ended with %v", err)
			}
		}
	})
}

func TestRawConnAllocatesNothing(t *testing.T) {
	for _, transport := range []Transport{Unix, TCP} {
		s := transportSettings(t.TempDir())
		a, b := mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
		from, to := newRawConn(a), newRawConn(b)
		out, in := make([]byte, 200), make([]byte, 4096)
		allocs := testing.AllocsPerRun(1000, func() {
			if _, err := from.Write(out); err != nil {
				t.Fatal(err)
			}
			if _, err := to.Read(in); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for a write and a read", transport, allocs)
		}
	}
}
