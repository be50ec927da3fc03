package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDialWithoutServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		if b.transport == TCP {
			_, err := b.tryDial()
			require.ErrorIs(t, err, ErrInvalid)
			require.EqualError(t, err, "Port must be provided for TCP socket client: set port to the server's")
			s := b.serve() // a port that is free again
			s.Close()
		}
		_, err := b.tryDial()
		require.ErrorIs(t, err, ErrNoServer)
		_, err = Dial(b.ctx, b.transport, "bad name", Config{})
		require.ErrorIs(t, err, ErrInvalid)
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		_, err = Dial(ctx, b.transport, "test", Config{Settings: &b.settings})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// A key that is misspelt may be why: a client that does not open has no log.
func TestDialWithoutServerNamesUnknownKeys(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.Warnings = []string{"settings.toml:2: socket.socketdir: unknown key", "settings.toml:3: colour: unknown key"}
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrNoServer)
	require.ErrorContains(t, err, "does not exist; settings.toml:2: socket.socketdir: unknown key; settings.toml:3: colour")
}

func TestReceiveTimesOutAndPolls(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	c := b.dial()
	nextEvent(b, c, EventSynced)
	ctx, cancel := context.WithTimeout(b.ctx, time.Millisecond)
	defer cancel()
	_, err := c.Receive(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var batch Batch
	require.ErrorIs(t, c.TryReceiveBatch(&batch, 0), ErrTimeout)
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, c, 1, 1)
}

func TestCloseWakesReceivers(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.serve()
		c := b.dial()
		nextEvent(b, c, EventSynced)
		errs := make(chan error)
		for range 3 {
			go func() {
				_, err := c.Receive(b.ctx)
				errs <- err
			}()
		}
		require.NoError(t, c.Close())
		for range 3 {
			require.ErrorIs(t, <-errs, ErrClosed)
		}
		require.NoError(t, c.Close())
		<-c.Done()
		require.ErrorIs(t, c.Send(Message{}), ErrClosed)
		for range c.Messages(b.ctx) {
			t.Fatal("a message after Close")
		}
	})
}

func TestSeveralReceiversShareTheMessages(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	c := b.dial()
	const total = 2000
	got := make(chan int, total)
	for range 4 {
		go func() {
			for {
				m, err := c.Receive(b.ctx)
				if err != nil {
					return
				}
				got <- numberOf(t, m)
			}
		}()
	}
	sendNumbers(t, s.Send, 1, total)
	seen := map[int]bool{}
	for range total {
		n := <-got
		require.False(t, seen[n], "message %d came twice", n)
		seen[n] = true
	}
}

func TestIterationCanBeLeftAndEnteredAgain(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	c := b.dial()
	sendNumbers(t, s.Send, 1, 100)
	next := 1
	for next <= 100 {
		for m, err := range c.Messages(b.ctx) {
			require.NoError(t, err)
			require.Equal(t, next, numberOf(t, m))
			if next++; next%7 == 0 || next > 100 {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	for _, err := range c.Messages(ctx) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestBufferIsCountedAndCleared(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	c := b.dial()
	sendNumbers(t, s.Send, 1, 3)
	require.NoError(t, s.SendTo(s.Clients()[0].ID, number(t, 4)))
	require.Eventually(t, func() bool { return c.Buffered() == 4 }, patience, time.Millisecond)
	c.ClearBuffer()
	require.Zero(t, c.Buffered())
	sendNumbers(t, s.Send, 5, 5)
	receiveNumbers(b, c, 5, 5)
}

// A full inbox stops the reading: the pressure goes to the server, and nothing
// is lost on the way.
func TestFullInboxStopsReadingAndDropsNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowBlock
		b.settings.LogMessages = 100
		b.settings.SendTimeout = patience
		s := b.serve()
		b.settings.BufferSize = 10
		c := b.dial()
		big := make([]byte, 8<<10)
		sent := make(chan error, 1)
		const total = 2000
		go func() {
			for n := 1; n <= total; n++ {
				m, err := NewMessage(Data, map[string]any{"n": n, "filler": big})
				if err == nil {
					err = s.Send(m)
				}
				if err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for n := 1; n <= total; n++ {
			require.LessOrEqual(t, c.Buffered(), 10)
			m, err := c.Receive(b.ctx)
			require.NoError(t, err)
			var v struct {
				N int `msgpack:"n"`
			}
			require.NoError(t, m.Decode(&v))
			require.Equal(t, n, v.N)
		}
		require.NoError(t, <-sent)
	})
}

func TestWithoutReconnectBufferedMessagesDrainThenError(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Reconnect = false
		s := b.serve()
		c := b.dial()
		sendNumbers(t, s.Send, 1, 5)
		s.Close()
		receiveNumbers(b, c, 1, 5)
		_, err := c.Receive(b.ctx)
		require.ErrorIs(t, err, ErrNotConnected)
		require.False(t, c.Connected())
		require.ErrorIs(t, c.Send(Message{}), ErrNotConnected)
		for _, err := range c.Messages(b.ctx) {
			require.ErrorIs(t, err, ErrNotConnected)
		}
	})
}

func TestReconnectContinuesTheSameIteration(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.comeBackWithin(time.Millisecond, 20*time.Millisecond)
		s := b.serve()
		c := b.dial()
		run := 0
		sendRun := func() {
			require.NoError(t, s.WaitClients(b.ctx, 1))
			run++
			sendNumbers(t, s.Send, run*10, run*10+2)
			s.Close()
		}
		sendRun()
		want := 10
		for m, err := range c.Messages(b.ctx) {
			require.NoError(t, err)
			require.Equal(t, want, numberOf(t, m))
			if want++; want%10 == 3 {
				if want == 33 {
					break
				}
				want += 7
				s = b.serve() // the job runs again
				sendRun()
			}
		}
	})
}

func TestWaitForServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.comeBackWithin(time.Millisecond, 20*time.Millisecond)
		b.serve().Close() // fixes the port
		b.settings.SocketDir = filepath.Join(b.settings.SocketDir, "not", "there", "yet")
		b.settings.WaitForServer = true
		c := b.dial()
		require.False(t, c.Connected())
		s := b.serve()
		nextEvent(b, c, EventConnected)
		require.NoError(t, s.WaitClients(b.ctx, 1))
		sendNumbers(t, s.Send, 1, 1)
		receiveNumbers(b, c, 1, 1)
	})
}

func TestCloseWhileTheServerIsAway(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.WaitForServer = true
	c := b.dial()
	require.NoError(t, c.Close())
	e := nextEvent(b, c, EventClosed)
	require.Equal(t, ReasonClosed, e.Reason)
}

func TestClientHooks(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	var kinds []EventKind
	var c *Client
	ready := make(chan struct{})
	c = b.dial(func(cfg *Config) {
		cfg.Settings.Reconnect = false
		cfg.OnEvent = func(e Event) {
			<-ready
			kinds = append(kinds, e.Kind)
			if e.Kind == EventDisconnected {
				c.Close()
			}
		}
	})
	close(ready)
	_, err := c.Receive(b.ctx)
	require.ErrorIs(t, err, ErrInvalid, "events go to the hook")
	require.ErrorIs(t, c.ReceiveBatch(b.ctx, &Batch{}, 0), ErrInvalid)
	require.NoError(t, s.Send(number(t, 1)))
	s.Close()
	<-c.Done()
	require.Equal(t, []EventKind{EventConnected, EventSynced, EventMessage, EventDisconnected, EventClosed}, kinds)
}

func TestClientSendsWholeWhatItSentBeforeClose(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.BufferSize = 1 << 20
		s := b.serve()
		c := b.dial()
		const total = 5000
		go func() {
			sendNumbers(t, c.Send, 1, total)
			c.Close()
		}()
		for n := 1; n <= total; n++ {
			require.Equal(t, n, numberOf(t, nextEvent(b, s, EventMessage).Message()))
		}
		require.Equal(t, ReasonClosed, nextEvent(b, s, EventDisconnected).Reason)
	})
}

// A client that is not let in says why: in the error of Send, and once in the
// log. That nobody is there is no news to who waits for a server.
func TestWaitingClientTellsTheCause(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1, 1
		b.settings.Unix.ReconnectMin, b.settings.Unix.ReconnectMax = time.Millisecond, 10*time.Millisecond
		b.comeBackWithin(time.Millisecond, 10*time.Millisecond)
		b.serve().Close() // fixes the port
		sendSays := func(c *Client, text string) {
			t.Helper()
			var err error
			require.Eventually(t, func() bool {
				err = c.Send(number(t, 1))
				return strings.Contains(fmt.Sprint(err), text)
			}, patience, time.Millisecond)
			require.ErrorIs(t, err, ErrNotConnected)
			require.Equal(t, CodeNotConnected, CodeOf(err))
			require.Contains(t, err.Error(), `client of event "test" is not connected to its server: `)
		}
		waiting := func(cfg *Config) { cfg.Settings.WaitForServer = true }
		c := b.dial(waiting)
		sendSays(c, `nobody serves "test"`)
		require.NotContains(t, b.log.String(), "level=WARN")
		require.NoError(t, c.Close())

		b.serve()
		first := b.dial()
		c = b.dial(waiting)
		sendSays(c, "max_connections = 1")
		attempts := func() int { return strings.Count(b.log.String(), "not connected yet") }
		seen := attempts()
		require.Eventually(t, func() bool { return attempts() > seen+2 }, patience, time.Millisecond)
		require.Equal(t, 1, strings.Count(b.log.String(), `level=WARN msg="not connected"`))
		require.NoError(t, first.Close())
		nextEvent(b, c, EventConnected)
		require.NoError(t, c.Send(number(t, 1)))
	})
}

// A cause is the same when it differs in a port or a time alone.
func TestSameCause(t *testing.T) {
	require.True(t, sameCause("read 127.0.0.1:4242: broken", "read 127.0.0.1:17: broken"))
	require.False(t, sameCause("refused", "nobody serves it"))
}

// A server that takes nothing makes Send wait for room, and then say so.
func TestClientSendTimesOut(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		l, err := net.Listen(map[Transport]string{Unix: "unix", TCP: "tcp"}[b.transport],
			map[Transport]string{Unix: filepath.Join(b.settings.SocketDir, "test.sock"), TCP: "127.0.0.1:0"}[b.transport])
		require.NoError(t, err)
		defer l.Close()
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			b.settings.TCP.Port = a.Port
		}
		b.settings.SendTimeout = 20 * time.Millisecond
		b.settings.Linger = 0
		c := b.dial()
		m := Message{Data: append([]byte{0xc6, 0, 1, 0, 0}, make([]byte, 1<<16)...)}
		for err == nil {
			err = c.Send(m)
		}
		require.ErrorIs(t, err, ErrTimeout)
		n, err := c.SendMany([]Message{{}, m, m})
		require.Less(t, n, 3)
		require.ErrorIs(t, err, ErrTimeout)
	})
}

// What was kept for a server and is larger than the next one takes is told as
// refused, and does not hold up what is behind it.
func TestKeptMessageTooLargeForTheNextServer(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	c := b.dial()
	first := acceptOld(b, l)
	first.readHello()
	const size = 300 << 10 // more than a socket takes
	large := Message{Data: append([]byte{0xc6, 0, size >> 16, size >> 8 & 0xff, 0}, make([]byte, size)...)}
	sendNumbers(t, c.Send, 1, 1)
	require.Equal(t, 1, numberOf(t, first.receive()))
	require.NoError(t, c.Send(large))
	sendNumbers(t, c.Send, 2, 3)
	require.NoError(t, c.Send(large))
	sendNumbers(t, c.Send, 4, 4)

	l.Close()
	b.settings.MaxMessageSize = size / 2
	s := b.serve()
	c.mu.Lock()
	c.link.raw.SetWriteDeadline(time.Unix(1, 0))
	c.mu.Unlock()
	for range 2 {
		e := nextEvent(b, c, EventRefused)
		require.Equal(t, ReasonTooLarge, e.Reason)
		require.Contains(t, e.Text, fmt.Sprintf("max_message_size is %d", size/2))
	}
	require.Equal(t, 2, strings.Count(b.log.String(), "level=WARN"))
	for n := 2; n <= 4; n++ {
		require.Equal(t, n, numberOf(t, nextEvent(b, s, EventMessage).Message()))
	}
	sendNumbers(t, c.Send, 5, 5)
	require.Equal(t, 5, numberOf(t, nextEvent(b, s, EventMessage).Message()))
	require.ErrorIs(t, c.Send(large), ErrTooLarge)
}

// An old server tells no bound, and has not that of the one before it.
func TestBoundOfAServerEndsWithIt(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.comeBackWithin(time.Millisecond, time.Millisecond)
		s := b.serve(func(cfg *Config) { cfg.Settings.MaxMessageSize = 1024 })
		c := b.dial()
		large := Message{Data: append([]byte{0xc5, 2000 >> 8, 2000 & 0xff}, make([]byte, 2000)...)}
		require.ErrorIs(t, c.Send(large), ErrTooLarge)
		require.NoError(t, s.Close())
		nextEvent(b, c, EventDisconnected)
		p := acceptOld(b, listenOldAt(b, s.Address()))
		p.readHello()
		nextEvent(b, c, EventConnected)
		require.NoError(t, c.Send(large))
		require.Equal(t, large.Data, p.receive().Data)
	})
}

func TestSocketDirectoryOfSomeoneElseIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	b := newBed(t, Unix)
	require.NoError(t, os.Chown(b.settings.SocketDir, 12345, 12345))
	_, err := Listen(b.ctx, Unix, "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrNotAllowed)
}

func TestErrorCodes(t *testing.T) {
	require.Equal(t, CodeOK, CodeOf(nil))
	require.Equal(t, CodeInternal, CodeOf(errors.New("other")))
	for code, err := range map[Code]error{
		CodeInvalid: ErrInvalid, CodeSettings: ErrSettings, CodeClosed: ErrClosed, CodeNotConnected: ErrNotConnected,
		CodeUnknownClient: ErrUnknownClient, CodeTimeout: ErrTimeout, CodeTooLarge: ErrTooLarge, CodeBadMessage: ErrBadMessage,
		CodeMaxConnections: ErrMaxConnections, CodeInUse: ErrInUse, CodeNoPort: ErrNoPort, CodeNotAllowed: ErrNotAllowed,
		CodeNoServer: ErrNoServer, CodeProtocol: ErrProtocol, CodeIO: ErrIO, CodeSlow: ErrSlow,
	} {
		wrapped := fail(err, "a sentence: %w", os.ErrNotExist)
		require.Equal(t, code, CodeOf(wrapped))
		require.ErrorIs(t, wrapped, err)
		require.ErrorIs(t, wrapped, os.ErrNotExist)
		require.EqualError(t, wrapped, "a sentence: "+os.ErrNotExist.Error())
		require.NotEmpty(t, err.Error())
	}
}

func TestClientIDText(t *testing.T) {
	id, err := ParseClientID("client_1763417982123")
	require.NoError(t, err)
	require.Equal(t, ClientID(1763417982123), id)
	require.Equal(t, "client_1763417982123", id.String())
	for _, bad := range []string{"", "client_", "client_x", "1", "client_-1"} {
		_, err := ParseClientID(bad)
		require.ErrorIs(t, err, ErrUnknownClient, bad)
	}
}

// What was sent and not written to a connection that broke goes to the next
// one: whole, in order, and nothing of it gives way to what is sent later.
func TestWhatAConnectionDidNotTakeGoesToTheNext(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.SendTimeout = patience
		b.comeBackWithin(time.Millisecond, time.Millisecond)
		l := listenOld(b)
		c := b.dial()
		first := acceptOld(b, l)
		filler := make([]byte, 50<<10)
		sent := 0
		failed := make(chan error)
		go func() {
			for {
				m, err := NewMessage(Data, map[string]any{"n": sent + 1, "filler": filler})
				if err == nil {
					err = c.Send(m)
				}
				if err != nil {
					failed <- err
					return
				}
				sent++
			}
		}()
		require.Eventually(t, func() bool {
			c.out.mu.Lock()
			defer c.out.mu.Unlock()
			return c.out.waitDone != nil
		}, patience, time.Millisecond, "the connection takes no more, and Send waits")
		first.conn.Close()
		require.ErrorIs(t, <-failed, ErrNotConnected, "it does not wait for a connection that is gone")

		second := acceptOld(b, l)
		second.readHello()
		var v struct {
			N int `msgpack:"n"`
		}
		from := 0
		for v.N < sent {
			want := v.N + 1
			m := second.receive()
			require.NoError(t, m.Decode(&v))
			if from == 0 {
				from = v.N
			} else {
				require.Equal(t, want, v.N)
			}
		}
		require.Greater(t, sent-from, outBytes/len(filler)/2)
		c.out.mu.Lock()
		defer c.out.mu.Unlock()
		require.Zero(t, c.out.dropped)
	})
}

// lateWrite fails when the cursor has left, as a write that the end of its
// connection interrupts may do.
type lateWrite struct {
	net.Conn
	cursor *cursor
}

func (w *lateWrite) Write([]byte) (int, error) {
	for {
		w.cursor.log.mu.Lock()
		left := w.cursor.left
		w.cursor.log.mu.Unlock()
		if left {
			return 0, net.ErrClosed
		}
		runtime.Gosched()
	}
}

// A connection may end in the middle of a write: what that has not brought
// whole is for the next connection.
func TestWriteUnderWayAtTheEndIsForTheNextConnection(t *testing.T) {
	out := newLog(logLimits{messages: 100, bytes: chunkSize, policy: policyBlock})
	ours, theirs := net.Pipe()
	defer theirs.Close()
	l := &link{cursor: &cursor{}}
	l.raw = &rawConn{conn: ours, io: &lateWrite{ours, l.cursor}}
	l.writer = writer{raw: l.raw, logger: slog.New(slog.DiscardHandler), ended: l.writerEnded}
	l.writer.attach(l.cursor)
	out.mu.Lock()
	out.join(l.cursor, 1)
	out.mu.Unlock()
	l.cursor.release()
	for range 3 {
		require.NoError(t, out.append(draftOf(plainFrame(100)), Data, ""))
	}
	require.Eventually(t, func() bool {
		out.mu.Lock()
		defer out.mu.Unlock()
		return l.cursor.seq > 1
	}, patience, time.Millisecond, "the writer has a message")
	require.EqualValues(t, 1, l.close())
}

// A context that ends while Dial is about to return closes the connection:
// then that is its error.
func TestDialCancelledBehindTheWelcome(t *testing.T) {
	b := newBed(t, Unix)
	s, c := b.serve(), b.dial()
	nextEvent(b, s, EventConnected)
	c.serverLimit.Store(0)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	failed := make(chan error, 1)
	c.out.mu.Lock() // which the welcome takes
	go func() {     // ends with the attempt
		_, err := c.connect(ctx)
		failed <- err
	}()
	require.Eventually(t, func() bool { return c.serverLimit.Load() != 0 }, patience, time.Millisecond)
	cancel()
	nextEvent(b, s, EventDisconnected) // it is closed
	c.out.mu.Unlock()
	require.ErrorIs(t, <-failed, context.Canceled)
}
