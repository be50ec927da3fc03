package socket

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cutter stands between a client and its server. It passes on what both
// write, and ends a connection after so many bytes of one direction: the
// schedule of faults is that number, and the same in every run.
type cutter struct {
	listener net.Listener
	network  string
	server   string
	cut      atomic.Pointer[cut] // of the next connection; nil: none
	conns    sync.WaitGroup
}

// A cut is where a connection ends.
type cut struct {
	fromServer bool
	after      int
}

// newCutter stands before the server s, where the clients of b then look for
// it.
func newCutter(b *bed, s *Server) *cutter {
	p := &cutter{network: string(b.transport), server: s.Address()}
	address := "127.0.0.1:0"
	if b.transport == Unix {
		b.settings.SocketDir = b.t.TempDir()
		address = b.settings.SocketDir + "/" + socketName("test")
	}
	var err error
	p.listener, err = net.Listen(p.network, address)
	require.NoError(b.t, err)
	if addr, ok := p.listener.Addr().(*net.TCPAddr); ok {
		b.settings.TCP.Port = addr.Port
	}
	p.conns.Go(p.accept)
	b.t.Cleanup(func() {
		p.listener.Close()
		p.conns.Wait()
	})
	return p
}

func (p *cutter) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		c := p.cut.Swap(nil)
		server, err := net.Dial(p.network, p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.conns.Go(func() { pass(client, server, c) })
	}
}

// pass ends when either side has closed, or at the cut.
func pass(client, server net.Conn, c *cut) {
	var both sync.WaitGroup
	direction := func(dst, src net.Conn, limit *int) {
		r := io.Reader(src)
		if limit != nil {
			r = io.LimitReader(src, int64(*limit))
		}
		_, _ = io.Copy(dst, r) // who fails is gone
		dst.Close()
		src.Close()
	}
	var up, down *int
	if c != nil {
		if c.fromServer {
			down = &c.after
		} else {
			up = &c.after
		}
	}
	both.Go(func() { direction(server, client, up) })
	both.Go(func() { direction(client, server, down) })
	both.Wait()
}

// TestConnectionCutAtEveryByteOfTheServer cuts what a server sends after each
// of its bytes, the welcome included. The client fails to dial, or it comes
// back and is given all that was sent since Dial returned, in order and once.
func TestConnectionCutAtEveryByteOfTheServer(t *testing.T) {
	cutEveryByte(t, true, func(b *bed, s *Server, c *Client, first int) (lost bool) {
		sendNumbers(b.t, s.Send, first, first+2)
		due := first
		for e, err := range c.Events(b.ctx) {
			require.NoError(b.t, err)
			switch e.Kind {
			case EventDisconnected:
				lost = true
			case EventLagged:
				require.Fail(b.t, "the server had what the client is told to have missed")
			case EventMessage:
				require.Equal(b.t, due, numberOf(b.t, e.Message()))
				if due++; due > first+2 {
					return lost
				}
			}
		}
		return lost
	})
}

// TestConnectionCutAtEveryByteOfTheClient cuts what a client sends. The server
// is given each message at most once, in order on each connection, and never a
// piece of one; what is sent after the client is back arrives. The server
// answers each message.
func TestConnectionCutAtEveryByteOfTheClient(t *testing.T) {
	cutEveryByte(t, false, func(b *bed, s *Server, c *Client, first int) (lost bool) {
		for n := first; n <= first+2; n++ {
			if err := c.Send(number(b.t, n)); err != nil {
				require.ErrorIs(b.t, err, ErrNotConnected)
			}
		}
		last := first + 2
		for e, err := range c.Events(b.ctx) {
			require.NoError(b.t, err)
			switch {
			case e.Kind == EventDisconnected:
				lost = true
			case e.Kind == EventConnected:
				last = first + 3
				require.NoError(b.t, c.Send(number(b.t, last)))
			case e.Kind == EventMessage && numberOf(b.t, e.Message()) == last:
				return lost
			}
		}
		return lost
	})
}

// cutEveryByte has a client dial through a cutter and run, with the cut one
// byte later each time, until run says that it lost no connection. The bytes
// are the same over TCP: ordinarily every eighth of them will do there. Each
// run has ten numbers of its own, from first on.
func cutEveryByte(t *testing.T, fromServer bool, run func(_ *bed, _ *Server, _ *Client, first int) (lost bool)) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.patient()
		b.comeBackWithin(time.Millisecond, time.Millisecond)
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1000, 1000
		s := serveAnswers(b)
		p := newCutter(b, s)
		refused, back, kept, step := 0, 0, 0, 1
		if b.transport == TCP {
			step = sized(8, 1)
		}
		for after, first := 0, 10; ; after, first = after+step, first+10 {
			p.cut.Store(&cut{fromServer, after})
			c, err := b.tryDial()
			if err != nil {
				require.ErrorIs(t, err, ErrNotConnected, "after %d bytes", after)
				refused++
				continue
			}
			if nextEvent(b, c, EventConnected).Seq == 0 {
				c.Close() // so slow that the server was taken for an old one: once more
				after -= step
				continue
			}
			lost := run(b, s, c, first)
			c.Close()
			if lost {
				back, kept = back+1, 0
				continue
			}
			// The cut is behind all that was sent; or, seldom, a connection of
			// before has taken it, which the cutter was slow to accept.
			if kept++; kept == 5 {
				break
			}
			after -= step
		}
		t.Logf("%d cuts before Dial returned, %d after", refused, back)
		require.NotZero(t, refused)
		require.Greater(t, back, 3*100/step, "three messages have more bytes")
	})
}

// serveAnswers opens a server that checks that each number comes once, and
// that those of a connection grow, and sends each back to all.
func serveAnswers(b *bed) (s *Server) {
	seen, last := map[int]bool{}, map[ClientID]int{}
	ready := make(chan struct{})
	s = b.serve(func(cfg *Config) {
		cfg.KeepEvents = false
		cfg.OnEvent = func(e Event) {
			if e.Kind == EventMessage {
				<-ready
				n := numberOf(b.t, e.Message())
				assert.False(b.t, seen[n], "%d comes twice", n)
				assert.Greater(b.t, n, last[e.Client])
				seen[n], last[e.Client] = true, n
				assert.NoError(b.t, s.Send(number(b.t, n)))
			}
		}
	})
	close(ready)
	return s
}

// TestFloodOfConnections: peers that connect and go, at whatever moment and
// with whatever last words, leave nothing behind and cost a client nothing.
func TestFloodOfConnections(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1000, 1000
		s := b.serve(func(cfg *Config) { cfg.KeepEvents = false })
		c := b.dial()
		hello := c.hello().appendFrame(nil)
		words := [][]byte{nil, {0}, {0, 0, 0, 0}, []byte("GET / HTTP/1.1\r\n\r\n"), hello[:len(hello)/2], hello}
		peers, each := 8, sized(50, 1000)
		var flood sync.WaitGroup
		for range peers {
			flood.Go(func() {
				for i := range each {
					conn, err := net.Dial(string(b.transport), s.Address())
					for errors.Is(err, syscall.EAGAIN) { // as many wait as the kernel lets
						runtime.Gosched()
						conn, err = net.Dial(string(b.transport), s.Address())
					}
					if !assert.NoError(t, err) {
						return
					}
					_, _ = conn.Write(words[i%len(words)]) // it may have been sent away
					conn.Close()
				}
			})
		}
		const total = 10_000 // the log holds them all
		sendNumbers(t, s.Send, 1, total)
		receiveNumbers(b, c, 1, total)
		flood.Wait()
		// Those that were clients for a moment are gone as soon as that is
		// noticed; their raw connections with them.
		for s.connections() > 1 {
			runtime.Gosched()
			require.NoError(t, b.ctx.Err())
		}
		require.Equal(t, 1, s.Stats().Clients)
		require.NoError(t, s.Send(number(t, total+1)))
		receiveNumbers(b, c, total+1, total+1)
	})
}

// connections counts those that were accepted and are not closed yet.
func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.raws)
}

// TestSignalsInterruptNothing: system calls that a handler interrupts go on.
func TestSignalsInterruptNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowBlock
		s := b.serve(func(cfg *Config) { cfg.KeepEvents = false })
		c := b.dial()
		taken := make(chan os.Signal, 1)
		signal.Notify(taken, syscall.SIGUSR1)
		defer signal.Stop(taken)
		ctx, cancel := context.WithCancel(b.ctx)
		var storm sync.WaitGroup
		storm.Go(func() {
			for ctx.Err() == nil {
				assert.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
				runtime.Gosched()
			}
		})
		total := sized(5000, 100_000)
		var sending sync.WaitGroup
		sending.Go(func() {
			for n := 1; n <= total; n++ {
				assert.NoError(t, s.Send(number(t, n)))
			}
		})
		receiveNumbers(b, c, 1, total)
		sending.Wait()
		cancel()
		storm.Wait()
		require.NotEmpty(t, taken, "no signal came")
	})
}

// TestClientIDsWhenTheClockJumpsBack: ids begin as the time in milliseconds,
// and grow also when the clock was set back meanwhile.
func TestClientIDsWhenTheClockJumpsBack(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	s.mu.Lock()
	future := ClientID(time.Now().Add(24 * time.Hour).UnixMilli())
	s.lastID = future // given before the clock was set back by a day
	s.mu.Unlock()
	b.dial()
	b.dial()
	ids := s.Clients()
	require.Equal(t, []ClientID{future + 1, future + 2}, []ClientID{ids[0].ID, ids[1].ID})
	require.Less(t, ids[0].ConnectedAt, int64(future), "the time is the clock's")
}
