//go:build linux && !386 && !s390x

package socket

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// polled is what a thread outside of Go would be given: a descriptor that is
// readable while events wait, and a pollset with it.
type polled struct {
	event int
	set   *Pollset
}

func newPolled(t testing.TB) *polled {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	require.Zero(t, errno)
	p := &polled{int(fd), NewPollset(int(fd))}
	t.Cleanup(func() {
		p.set.End()
		syscall.Close(p.event)
	})
	return p
}

// config has a server or client use it. It is closed first: cleanups run in
// the order opposite to that in which they were asked for.
func (p *polled) config(cfg *Config) { cfg.Notify, cfg.Pollset = p.notify, p.set }

func (p *polled) notify(readable bool) {
	value := uint64(1)
	call := uintptr(syscall.SYS_READ)
	if readable {
		call = syscall.SYS_WRITE
	}
	_, _, _ = syscall.RawSyscall(call, uintptr(p.event), uintptr(unsafe.Pointer(&value)), 8)
}

type batchTaker interface {
	TryReceiveBatch(*Batch, int) error
}

// take waits for events as a thread of C does, until ctx ends.
func (p *polled) take(ctx context.Context, from batchTaker, b *Batch, limit int) error {
	err := from.TryReceiveBatch(b, limit)
	if err != ErrTimeout {
		return err
	}
	fd := p.set.Enter()
	defer p.set.Leave(fd)
	for err == ErrTimeout && ctx.Err() == nil {
		var events [1]syscall.EpollEvent
		_, _ = syscall.EpollWait(fd, events[:], 100) // a signal is as good as a look
		err = from.TryReceiveBatch(b, limit)
	}
	return err
}

func (p *polled) lent() int {
	p.set.mu.Lock()
	defer p.set.mu.Unlock()
	return len(p.set.loans)
}

// awaitLoans has a thread wait until so many connections are lent to it.
func (p *polled) awaitLoans(t *testing.T, n int, provoke func()) {
	defer p.set.Leave(p.set.Enter())
	require.Eventually(t, func() bool {
		if p.lent() < n {
			provoke()
		}
		return p.lent() == n
	}, patience, time.Millisecond)
}

// nextMessages takes messages until there are so many.
func (p *polled) nextMessages(t *testing.T, ctx context.Context, from batchTaker, n int, each func(*Event)) {
	var b Batch
	defer b.Release()
	for n > 0 {
		require.NoError(t, p.take(ctx, from, &b, rand.IntN(3)*rand.IntN(100)))
		for i := range b.Events {
			if e := &b.Events[i]; e.Kind == EventMessage {
				each(e)
				n--
			}
		}
	}
}

// TestPollsetTakesAll: what is read by who waits comes in order and whole, from
// one and from many connections, whatever sizes come and whoever else looks.
func TestPollsetTakesAll(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		const clients, messages = 3, 4000
		b.settings.SlowClient = SlowBlock
		b.settings.SendTimeout = patience
		atServer := newPolled(t)
		s := b.serve(atServer.config)
		var wg sync.WaitGroup
		lent := make(chan struct{}, 1)
		for range clients {
			p := newPolled(t)
			c := b.dial(p.config)
			wg.Add(1)
			go func() {
				defer wg.Done()
				want := uint64(0)
				p.nextMessages(t, b.ctx, c, messages, func(e *Event) {
					require.Equal(t, want, binary.BigEndian.Uint64(e.Data[len(e.Data)-8:]))
					want++
					if p.lent() > 0 {
						select {
						case lent <- struct{}{}:
						default:
						}
					}
					if want%4 == 0 { // answer now and then
						require.NoError(t, c.Send(Message{Data: e.Data}))
					}
				})
			}()
		}
		require.NoError(t, s.WaitClients(b.ctx, clients))
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := rand.New(rand.NewPCG(1, 2))
			for i := range uint64(messages) {
				size := random.IntN(300)
				if random.IntN(200) == 0 {
					size = random.IntN(200_000)
				}
				require.NoError(t, s.Send(Message{Data: numberedBytes(i, size)}))
			}
		}()
		next := map[ClientID]uint64{}
		atServer.nextMessages(t, b.ctx, s, clients*messages/4, func(e *Event) {
			next[e.Client] += 4
			require.Equal(t, next[e.Client]-1, binary.BigEndian.Uint64(e.Data[len(e.Data)-8:]))
		})
		wg.Wait()
		require.Len(t, next, clients)
		select {
		case <-lent:
		default:
			t.Fatal("nobody who waited read a connection")
		}
	})
}

// numberedBytes is a MessagePack value that ends in a number.
func numberedBytes(number uint64, size int) []byte {
	data := binary.BigEndian.AppendUint32([]byte{0xc6}, uint32(size+8))
	return binary.BigEndian.AppendUint64(append(data, make([]byte, size)...), number)
}

// lendingPair is a server, and a client whose connection is lent.
func lendingPair(t *testing.T, b *bed) (*Server, *Client, *polled) {
	s := b.serve()
	p := newPolled(t)
	c := b.dial(p.config)
	require.NoError(t, s.WaitClients(b.ctx, 1))
	p.awaitLoans(t, 1, func() { require.NoError(t, s.Send(Message{})) })
	c.inbox.dropMessages()
	return s, c, p
}

// TestPollsetGivesBack: when nobody comes any more, goroutines read again.
func TestPollsetGivesBack(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s, c, p := lendingPair(t, b)
		require.NoError(t, s.Send(Message{}))
		require.Eventually(t, func() bool { return c.inbox.waiting() > 0 && p.lent() == 0 }, patience, time.Millisecond)
	})
}

// TestPollsetKeepsWhileWaiting: a thread that waits for long is left alone.
func TestPollsetKeepsWhileWaiting(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	p := newPolled(t)
	c := b.dial(p.config)
	require.NoError(t, s.WaitClients(b.ctx, 1))
	fd := p.set.Enter()
	p.awaitLoans(t, 1, func() { require.NoError(t, s.Send(Message{})) })
	p.set.mu.Lock()
	began := p.set.watching
	p.set.mu.Unlock()
	if began {
		require.Eventually(t, func() bool {
			p.set.mu.Lock()
			defer p.set.mu.Unlock()
			return !p.set.watching
		}, patience, time.Millisecond)
	}
	require.Equal(t, 1, p.lent())
	p.set.Leave(fd)
	require.NoError(t, c.Close())
	require.Zero(t, p.lent())
}

// TestPollsetOfClosed: closing ends a loan, at either end and with and without
// somebody who waits.
func TestPollsetOfClosed(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		for _, waits := range []bool{false, true} {
			for _, server := range []bool{false, true} {
				t.Run(fmt.Sprintf("waits=%v,server=%v", waits, server), func(t *testing.T) {
					b := newBed(t, b.transport)
					s, c, p := lendingPair(t, b)
					ended := make(chan error, 1)
					if waits {
						go func() { // ends with the client
							var batch Batch
							defer batch.Release()
							var err error
							for err == nil {
								err = p.take(b.ctx, c, &batch, 0)
							}
							ended <- err
						}()
					}
					if server {
						require.NoError(t, s.Close())
						require.Eventually(t, func() bool { return !c.Connected() }, patience, time.Millisecond)
					}
					require.NoError(t, c.Close())
					require.Zero(t, p.lent())
					if waits {
						require.ErrorIs(t, <-ended, ErrClosed)
					}
				})
			}
		}
	})
}

// lendingPeer is a peer by hand whose connection is lent, after it has begun
// with that frame.
func lendingPeer(t *testing.T, b *bed, s *Server, p *polled, begin []byte) net.Conn {
	peer, err := net.Dial(string(b.transport), s.Address())
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	_, err = peer.Write(begin)
	require.NoError(t, err)
	require.NoError(t, s.WaitClients(b.ctx, 1))
	p.awaitLoans(t, 1, func() {
		_, err := peer.Write(plainFrame(10))
		require.NoError(t, err)
	})
	return peer
}

// nextDisconnected waits for the end of a client.
func (p *polled) nextDisconnected(t *testing.T, ctx context.Context, s *Server) (Reason, string) {
	var batch Batch
	defer batch.Release()
	for {
		require.NoError(t, p.take(ctx, s, &batch, 0))
		for _, e := range batch.Events {
			if e.Kind == EventDisconnected {
				return e.Reason, e.Text
			}
		}
	}
}

// TestPollsetPartOfAFrame: a frame that has begun is for the goroutine, whose
// wait for the rest has a bound.
func TestPollsetPartOfAFrame(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.FrameTimeout = 50 * time.Millisecond
	p := newPolled(t)
	s := b.serve(p.config)
	frame := plainFrame(10)
	peer := lendingPeer(t, b, s, p, frame)
	_, err := peer.Write(frame[:len(frame)-1])
	require.NoError(t, err)
	reason, text := p.nextDisconnected(t, b.ctx, s)
	require.Equal(t, ReasonProtocol, reason)
	require.Contains(t, text, "frame_timeout")
}

// TestPollsetOfASilentPeer: the heartbeats of a peer are missed also while
// another reads.
func TestPollsetOfASilentPeer(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.Heartbeat = 100 * time.Millisecond
	p := newPolled(t)
	s := b.serve(p.config)
	hello := control{kind: controlHello, version: wireVersion, pid: os.Getpid()}
	lendingPeer(t, b, s, p, hello.appendFrame(nil))
	reason, _ := p.nextDisconnected(t, b.ctx, s)
	require.Equal(t, ReasonHeartbeat, reason)
}

// TestPollsetTurnIsBounded: a peer that sends what is no event does not keep
// the thread that waits.
func TestPollsetTurnIsBounded(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.AllowClientSend = false
	p := newPolled(t)
	s := b.serve(p.config)
	peer := lendingPeer(t, b, s, p, plainFrame(10))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		many := make([]byte, 0, 64<<10)
		for len(many) < 60<<10 {
			many = append(many, plainFrame(10)...)
		}
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := peer.Write(many); err != nil {
				return
			}
		}
	}()
	var batch Batch
	defer batch.Release()
	for range 2000 {
		if err := s.TryReceiveBatch(&batch, 0); err != nil {
			require.ErrorIs(t, err, ErrTimeout)
		}
	}
	close(stop)
	require.NoError(t, s.Close())
	wg.Wait()
}

// TestLooseConnDeadlines: what waits on a connection that the runtime watches
// only now and then ends as on any other.
func TestLooseConnDeadlines(t *testing.T) {
	b := newBed(t, Unix)
	b.serve()
	dialed, err := dialUnix(b.ctx, "test", &b.settings)
	require.NoError(t, err)
	c, ok := loosen(dialed, NewPollset(-1)).(*looseConn)
	require.True(t, ok)
	require.Equal(t, dialed.RemoteAddr(), c.RemoteAddr())
	require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	require.True(t, c.bare())
	ended := make(chan error, 1)
	go func() { // ends with the close
		buf := make([]byte, 1)
		for {
			if _, err := c.Read(buf); err != nil {
				ended <- err
				return
			}
		}
	}()
	require.Eventually(t, func() bool {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return c.waits == 1
	}, patience, time.Millisecond)
	require.False(t, c.bare(), "somebody waits")
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	require.ErrorIs(t, c.Close(), net.ErrClosed)
	require.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed)
	require.False(t, c.bare())
	_, err = c.Write([]byte{1})
	require.ErrorIs(t, err, net.ErrClosed)
}

// A child that a host forks has a copy of every descriptor. A connection that
// is closed here while it is lent, and lives on there, wakes nobody any more.
func TestPollsetForgetsWhatIsClosedAndHeldElsewhere(t *testing.T) {
	b := newBed(t, Unix)
	p := newPolled(t)
	s := b.serve(p.config)
	c := b.dialOld(s)
	nextEvent(b, s, EventConnected)
	p.awaitLoans(t, 1, func() { c.send(number(t, 1)) })
	fd := p.set.Enter()
	defer p.set.Leave(fd)

	s.mu.Lock()
	var conn *looseConn
	for raw := range s.raws {
		conn = raw.conn.(*looseConn)
	}
	s.mu.Unlock()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	elsewhere := duplicate(raw)
	require.GreaterOrEqual(t, elsewhere, 0)
	defer syscall.Close(elsewhere)
	conn.Close()
	c.conn.Close() // the copy is at its end, and readable for good

	var batch Batch
	for {
		require.NoError(t, p.take(b.ctx, s, &batch, 1))
		if batch.Events[0].Kind == EventLastClient {
			break
		}
	}
	batch.Release()
	var events [1]syscall.EpollEvent
	n, err := syscall.EpollWait(fd, events[:], 0)
	require.NoError(t, err)
	require.Zero(t, n, "who waits would be woken up for nothing, again and again")
}
