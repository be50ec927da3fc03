package socket

import (
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stuffed is a message of which a few fill every buffer of the system.
func stuffed() Message {
	return Message{Data: append([]byte{0xc6, 0, 4, 0, 0}, make([]byte, 4<<16)...)}
}

// A client that talks while the server closes is given what was sent to it.
func TestCloseDeliversToAClientThatSends(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Linger = patience
		s := b.serve()
		p := b.dialOld(s)
		nextEvent(b, s, EventConnected)
		const total = 30
		for range total {
			require.NoError(t, s.Send(stuffed()))
		}
		go s.Close()
		require.ErrorIs(t, s.WaitClients(b.ctx, 2), ErrClosed)
		require.Eventually(t, func() bool {
			s.inbox.mu.Lock()
			defer s.inbox.mu.Unlock()
			return s.inbox.shut
		}, patience, time.Millisecond)
		p.send(number(t, 1), number(t, 2))
		require.Eventually(t, func() bool { return s.received.Load() == 2 }, patience, time.Millisecond)
		for range total {
			p.receive()
		}
		p.conn.Close()
		<-s.Done()
	})
}

// Over TCP, a client that closes with messages unread would destroy with a
// reset what is on its way to the server.
func TestClientCloseWithMessagesUnreadDeliversWhatItSent(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.Linger = patience
	s := b.serve(func(cfg *Config) { cfg.Settings.BufferSize = 1 })
	c := stall(b)
	const total = 30
	for range total {
		require.NoError(t, s.Send(stuffed()))
	}
	for range total / 4 { // more than the server takes, less than the buffers of the system
		require.NoError(t, c.Send(stuffed()))
	}
	l := c.link
	go c.Close()
	<-l.cursor.ended()
	for range total / 4 {
		nextEvent(b, s, EventMessage)
	}
	require.Equal(t, ReasonClosed, nextEvent(b, s, EventDisconnected).Reason)
	<-c.Done()
}

// A connection that comes at the very moment of Close ends by itself: Close
// has looked for one before it was there.
func TestConnectionThatComesTooLateForCloseEnds(t *testing.T) {
	b := newBed(t, Unix)
	listenOld(b) // which says and does nothing
	c := b.dial()
	c.Close()
	l, err := c.connect(b.ctx)
	require.NoError(t, err)
	c.attach(l)
	c.detach(l, l.read())
	require.False(t, c.Connected())
}

// A client that takes nothing is cut off when linger is over. That is the
// server's doing, and its log says what it cost.
func TestCloseCutsOffWhoDoesNotRead(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Linger = time.Millisecond
		b.settings.LogLevel = slog.LevelInfo
		s := b.serve(func(cfg *Config) { cfg.Logger = nil })
		b.dialOld(s)
		id := nextEvent(b, s, EventConnected).Client
		const total = 20
		for range total {
			require.NoError(t, s.Send(stuffed()))
		}
		require.NoError(t, s.SendTo(id, stuffed()))
		s.Close()
		stats := s.Stats()
		require.NotZero(t, stats.Dropped)
		require.EqualValues(t, total, stats.Delivered+stats.Dropped)
		var told []string
		for e, err := range s.Events(b.ctx) {
			require.NoError(t, err)
			switch e.Kind {
			case EventLog:
				told = append(told, e.Text)
			case EventDisconnected:
				require.Equal(t, ReasonClosed, e.Reason)
			}
		}
		require.Contains(t, told, fmt.Sprintf("a client went without messages that were sent to it event=test client=%s messages=%d", id, stats.Dropped+1))
		require.Equal(t, "server stopped event=test", told[len(told)-1])
	})
}

// A callback that panics about everything is told of every event once.
func TestPanicInACallbackAboutALogLine(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.LogLevel = slog.LevelDebug
	var kinds []EventKind
	s := b.serve(func(cfg *Config) {
		cfg.Logger = nil
		cfg.OnEvent = func(e Event) {
			kinds = append(kinds, e.Kind)
			panic(e.Text)
		}
	})
	s.Close()
	<-s.Done()
	require.Equal(t, EventClosed, kinds[len(kinds)-1])
	require.Less(t, len(kinds), 10)
}

// A server that closes does not wait for those who have not said who they are.
func TestCloseDoesNotWaitForStrangers(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.TokenFile = writeToken(t, testToken)
	b.settings.DefaultTimeout, b.settings.Linger = time.Hour, time.Hour
	s := b.serve()
	for range 3 {
		stranger, err := net.Dial("tcp", s.Address())
		require.NoError(t, err)
		t.Cleanup(func() { stranger.Close() })
	}
	require.Eventually(t, func() bool { return s.lobby.waiting() == 3 }, patience, time.Millisecond)
	closed := make(chan struct{})
	go func() { // ends with the strangers at the latest
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-b.ctx.Done():
		require.Fail(t, "the server still waits")
	}
}
