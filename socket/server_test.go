package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBroadcastUnicastAndAnswer(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		one, two := b.dial(), b.dial()
		first := nextEvent(b, s, EventConnected).Client
		require.NoError(t, s.WaitClients(b.ctx, 2))

		require.NoError(t, s.Send(number(t, 1)))
		require.NoError(t, s.SendTo(first, number(t, 2)))
		require.NoError(t, s.Send(number(t, 3)))
		receiveNumbers(b, one, 1, 3)
		receiveNumbers(b, two, 1, 1)
		receiveNumbers(b, two, 3, 3)

		require.NoError(t, two.Send(number(t, 4)))
		e := nextEvent(b, s, EventMessage)
		require.Equal(t, 4, numberOf(t, e.Message()))
		require.NoError(t, s.SendTo(e.Client, number(t, 5)))
		receiveNumbers(b, two, 5, 5)
	})
}

func TestMessageArrivesAsSent(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		c := b.dial()
		for _, kind := range []MessageType{Data, Error, Control} {
			sent, err := NewMessage(kind, map[string]any{"step": "é 🎉", "progress": 33.3, "nested": []any{nil, true, []byte{1}}})
			require.NoError(t, err)
			sent.EventName, sent.TimestampMs, sent.TimestampISO = "other", 1763417982123, "2025-11-17T22:19:42.123456+00:00"
			require.NoError(t, s.Send(sent))
			got, err := c.Receive(b.ctx)
			require.NoError(t, err)
			require.Equal(t, sent, got)
		}
		require.NoError(t, s.Send(Message{}))
		before := time.Now().Add(-patience).UnixMilli()
		got, err := c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, "test", got.EventName)
		require.Equal(t, []byte{0x80}, got.Data, "no data is an empty map")
		require.Greater(t, got.TimestampMs, before)
		iso, err := time.Parse(time.RFC3339Nano, got.TimestampISO)
		require.NoError(t, err)
		require.Equal(t, got.TimestampMs, iso.UnixMilli())
	})
}

func TestTimestampsAreInTheConfiguredZone(t *testing.T) {
	b := newBed(t, Unix)
	settings, err := LoadSettings(Unix, `timezone = "Asia/Kolkata"`)
	require.NoError(t, err)
	b.settings.Location = settings.Location
	s, c := b.serve(), b.dial()
	require.NoError(t, s.Send(Message{}))
	m, err := c.Receive(b.ctx)
	require.NoError(t, err)
	require.Contains(t, m.TimestampISO, "+05:30")
}

func TestQueueIsForTheFirstClient(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.MessageQueueSize = 3
		s := b.serve()
		sendNumbers(t, s.Send, 1, 5)
		require.Equal(t, 3, s.QueueLen(), "the oldest are dropped beyond message_queue_size")
		first := b.dial()
		receiveNumbers(b, first, 3, 5)
		require.Zero(t, s.QueueLen())
		second := b.dial()
		require.NoError(t, s.Send(number(t, 6)))
		receiveNumbers(b, second, 6, 6)
		receiveNumbers(b, first, 6, 6)

		first.Close()
		second.Close()
		nextEvent(b, s, EventLastClient)
		sendNumbers(t, s.Send, 7, 8)
		s.ClearQueue()
		require.Zero(t, s.QueueLen())
		sendNumbers(t, s.Send, 9, 10)
		taken := s.TakeQueue()
		require.Len(t, taken, 2)
		require.Equal(t, 9, numberOf(t, taken[0]))
		require.Equal(t, "test", taken[0].EventName)
		require.Zero(t, s.QueueLen())
		sendNumbers(t, s.Send, 11, 11)
		receiveNumbers(b, b.dial(), 11, 11)
	})
}

// What was taken out of the queue, or dropped from it, does not come to a peer
// either that connected before and becomes a client afterwards.
func TestEmptiedQueueWhileAClientJoins(t *testing.T) {
	for name, empty := range map[string]func(*Server){
		"taken":   func(s *Server) { require.Len(t, s.TakeQueue(), 3) },
		"cleared": (*Server).ClearQueue,
	} {
		t.Run(name, func(t *testing.T) {
			eachPlainTransport(t, func(t *testing.T, b *bed) {
				b.settings.BufferSize = 1
				s := b.serve()
				for range b.settings.BufferSize + 1 { // the host lets no client in before it takes them
					s.inbox.force(Event{Kind: EventLog})
				}
				p := b.dialOld(s)
				require.Eventually(t, func() bool { return s.lobby.waiting() == 1 }, patience, time.Millisecond)
				sendNumbers(t, s.Send, 1, 3)
				empty(s)
				sendNumbers(t, s.Send, 4, 4)
				nextEvent(b, s, EventConnected)
				require.Equal(t, 4, numberOf(t, p.receive()))
			})
		})
	}
}

func TestUnicastWithNobodyThereIsAnError(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	err := s.SendTo(42, Message{})
	require.ErrorIs(t, err, ErrUnknownClient)
	require.EqualError(t, err, "Client not connected: client_42")
	require.Zero(t, s.QueueLen())

	c := b.dial()
	id := nextEvent(b, s, EventConnected).Client
	c.Close()
	nextEvent(b, s, EventDisconnected)
	require.ErrorIs(t, s.SendTo(id, Message{}), ErrUnknownClient)
}

func TestMaxConnectionsIsToldToTheClient(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1, 1
		s := b.serve()
		b.dial()
		_, err := b.tryDial()
		require.ErrorIs(t, err, ErrMaxConnections)
		require.ErrorContains(t, err, "max_connections = 1")
		require.Len(t, s.Clients(), 1)
		require.EqualValues(t, 1, s.Stats().Refused)

		old := b.dialOld(s)
		_, err = old.body()
		require.ErrorIs(t, err, io.EOF, "an old client is sent away without a word")
	})
}

func TestClientsCannotSendWhenNotAllowed(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.AllowClientSend = false
		s := b.serve()
		c := b.dial()
		require.NoError(t, c.Send(number(t, 1)))
		e := nextEvent(b, c, EventRefused)
		require.Equal(t, ReasonNotAllowed, e.Reason)
		require.Contains(t, e.Text, "allow_client_send")
		require.EqualValues(t, 1, s.Stats().Refused)
		require.Zero(t, s.Stats().Received)
		require.NoError(t, s.Send(number(t, 2)))
		receiveNumbers(b, c, 2, 2)
	})
}

func TestClientInfo(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Name = "bar"
		s := b.serve()
		before := time.Now().UnixMilli()
		b.dial()
		b.dialOld(s)
		require.NoError(t, s.WaitClients(b.ctx, 2))
		infos := s.Clients()
		require.Equal(t, "bar", infos[0].Name)
		require.Empty(t, infos[1].Name)
		for _, info := range infos {
			require.GreaterOrEqual(t, info.ConnectedAt, before)
			require.NotEmpty(t, info.Address)
			if b.transport == Unix {
				require.Equal(t, os.Getpid(), info.PID)
				require.Equal(t, os.Getuid(), info.UID)
			} else {
				require.NotEqual(t, s.Address(), info.Address, "the client's address, not the server's")
			}
		}
	})
}

func TestFiftyClientsAtOnce(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 50, 50
		s := b.serve()
		clients := make([]*Client, 50)
		var group sync.WaitGroup
		for i := range clients {
			group.Go(func() { clients[i], _ = b.tryDial() })
		}
		group.Wait()
		require.NoError(t, s.WaitClients(b.ctx, 50))
		ids := map[ClientID]bool{}
		for _, info := range s.Clients() {
			ids[info.ID] = true
		}
		require.Len(t, ids, 50)
		sendNumbers(t, s.Send, 1, 20)
		for _, c := range clients {
			receiveNumbers(b, c, 1, 20)
		}
	})
}

func TestManySendersAtOnce(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		const senders, each = 8, 300
		s := b.serve()
		c := b.dial()
		var group sync.WaitGroup
		for i := range senders {
			group.Go(func() {
				for n := range each {
					if err := s.Send(number(t, i*each+n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		last := map[int]int{}
		for range senders * each {
			m, err := c.Receive(b.ctx)
			require.NoError(t, err)
			n := numberOf(t, m)
			require.Equal(t, last[n/each], n%each, "each sender's messages come in its order")
			last[n/each]++
		}
		group.Wait()
	})
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Linger = patience // a busy machine takes its time
		s := b.serve()
		modern, old := b.dial(), b.dialOld(s)
		require.NoError(t, s.WaitClients(b.ctx, 2))
		sendNumbers(t, s.Send, 1, 3000)
		go s.Close()
		receiveNumbers(b, modern, 1, 3000)
		require.Equal(t, ReasonStopped, nextEvent(b, modern, EventDisconnected).Reason)
		for n := 1; n <= 3000; n++ {
			require.Equal(t, n, numberOf(t, old.receive()))
		}
		_, err := old.body()
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestCloseFreesTheNameAndTellsEverything(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		clients := []*Client{b.dial(), b.dial(), b.dial()}
		require.NoError(t, s.WaitClients(b.ctx, 3))
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "closing twice is allowed")
		<-s.Done()

		var kinds []EventKind
		for e, err := range s.Events(b.ctx) {
			require.NoError(t, err)
			kinds = append(kinds, e.Kind)
		}
		require.Equal(t, []EventKind{
			EventConnected, EventFirstClient, EventConnected, EventConnected,
			EventDisconnected, EventDisconnected, EventDisconnected, EventLastClient, EventClosed,
		}, kinds)
		require.ErrorIs(t, s.Send(Message{}), ErrClosed)
		require.ErrorIs(t, s.SendTo(1, Message{}), ErrClosed)
		require.ErrorIs(t, s.WaitClients(b.ctx, 1), ErrClosed)
		require.Empty(t, s.Clients())
		require.ErrorIs(t, s.ReceiveBatch(b.ctx, &Batch{}, 0), ErrClosed)

		l, err := net.Listen(string(b.transport), s.Address())
		require.NoError(t, err, "the name or port is free at once")
		l.Close()
		for _, c := range clients {
			nextEvent(b, c, EventDisconnected)
			require.False(t, c.Connected())
		}
	})
}

func TestSecondServerIsRefused(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	_, err := Listen(b.ctx, Unix, "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, fmt.Sprintf(`event "test" is already served by pid %d`, os.Getpid()))
	c := b.dial()
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, c, 1, 1)
}

func TestServerPortIsReal(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.Port = 0
	s := b.serve()
	require.NotZero(t, s.Port())
	require.Equal(t, s.Addr().String(), s.Address())
	b.dial()
}

func TestIPv6(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.Host = "::1"
	s, err := Listen(b.ctx, TCP, "test", Config{Settings: &b.settings})
	if errors.Is(err, ErrIO) {
		t.Skip("this machine has no IPv6 loopback: ", err)
	}
	require.NoError(t, err)
	defer s.Close()
	b.settings.TCP.Port = s.Port()
	c := b.dial()
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, c, 1, 1)
}

func TestServeBlocksUntilItsContextEnds(t *testing.T) {
	b := newBed(t, Unix)
	ctx, cancel := context.WithCancel(b.ctx)
	served := make(chan error, 1)
	opened := make(chan struct{})
	cfg := Config{Settings: &b.settings, OnEvent: func(e Event) {
		if e.Kind == EventConnected {
			close(opened)
		}
	}}
	go func() { served <- Serve(ctx, Unix, "test", cfg) }()
	b.dial(func(cfg *Config) { cfg.Settings.WaitForServer = true })
	<-opened
	cancel()
	require.NoError(t, <-served)
	require.ErrorIs(t, Serve(b.ctx, Unix, "bad name", Config{}), ErrInvalid)
}

func TestHooks(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		var s *Server
		ready := make(chan struct{})
		var seen []string
		s = b.serve(func(cfg *Config) {
			cfg.HoldClients = true
			cfg.OnEvent = func(e Event) {
				<-ready
				switch e.Kind {
				case EventConnected:
					seen = append(seen, fmt.Sprint("connected ", e.Count))
					if err := s.SendTo(e.Client, number(t, 0)); err != nil {
						t.Error(err)
					}
					panic("a hook that fails changes nothing else")
				case EventMessage:
					seen = append(seen, fmt.Sprint("message ", numberOf(t, e.Message())))
					if numberOf(t, e.Message()) == 3 {
						s.Close() // inside a hook
					}
				case EventDisconnected:
					seen = append(seen, fmt.Sprint("disconnected ", e.Reason))
				case EventClosed:
					seen = append(seen, "closed")
				}
			}
		})
		sendNumbers(t, s.Send, 1, 2) // queued
		c := b.dial()
		close(ready)
		receiveNumbers(b, c, 0, 2) // what the hook sent comes before the queue
		sendNumbers(t, c.Send, 1, 3)
		<-s.Done()
		require.Equal(t, []string{"connected 1", "message 1", "message 2", "message 3", "disconnected closed", "closed"}, seen)
		require.Contains(t, b.log.String(), "a hook that fails")
	})
}

// A held client is welcomed at once: one goroutine may dial and then take what
// its own server has to tell. Nothing else comes before that.
func TestHeldClientIsWelcomed(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve(func(cfg *Config) { cfg.HoldClients, cfg.KeepEvents = true, true })
		sendNumbers(t, s.Send, 1, 1)
		c := b.dial()
		sendNumbers(t, s.Send, 2, 2)
		var batch Batch
		require.NoError(t, s.ReceiveBatch(b.ctx, &batch, 1))
		require.Equal(t, EventConnected, batch.Events[0].Kind)
		require.NoError(t, s.SendTo(batch.Events[0].Client, number(t, 0)))
		batch.Release()
		receiveNumbers(b, c, 0, 2)
	})
}

// A client whose message is too large is told so, whatever it goes on to send.
func TestOverlongFrameIsAnsweredWithGoodbye(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.MaxMessageSize = 1024
		s := b.serve()
		p := b.dialOld(s)
		hello := control{kind: controlHello, version: wireVersion, name: "test", pid: 1}
		p.write(hello.appendFrame(nil))
		require.Equal(t, controlWelcome, p.control().kind)
		require.Equal(t, controlSynced, p.control().kind)
		sendNumbers(t, s.Send, 1, 1)
		p.receive()
		p.write(append([]byte{0, 1, 0, 0}, make([]byte, 1<<16)...))
		bye := p.control()
		require.Equal(t, controlGoodbye, bye.kind)
		require.Equal(t, ReasonTooLarge, bye.reason)
		require.Contains(t, bye.text, "65536 bytes")
		_, err := p.body()
		require.Error(t, err)
		p.conn.Close()
		require.Equal(t, ReasonTooLarge, nextEvent(b, s, EventDisconnected).Reason)
	})
}

func TestServerSurvivesAnOverlongAndAMalformedFrame(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.MaxMessageSize = 1024
		s := b.serve()
		healthy := b.dial()
		bad := b.dialOld(s)
		bad.write([]byte{0, 0, 0, 1, 0xc1}) // malformed: logged and dropped
		bad.send(number(t, 1))
		require.Equal(t, 1, numberOf(t, nextEvent(b, s, EventMessage).Message()))
		bad.write([]byte{0xff, 0xff, 0xff, 0xff})
		e := nextEvent(b, s, EventDisconnected)
		require.Equal(t, ReasonTooLarge, e.Reason)
		require.Contains(t, e.Text, "1024")
		_, err := bad.body()
		require.Error(t, err)
		require.NoError(t, s.Send(number(t, 2)))
		receiveNumbers(b, healthy, 2, 2)
		require.ErrorIs(t, s.Send(Message{Data: make([]byte, 2000)}), ErrTooLarge)
		require.ErrorIs(t, healthy.Send(Message{Data: make([]byte, 2000)}), ErrTooLarge)
		require.ErrorIs(t, s.Send(Message{Data: []byte{0xc1}}), ErrBadMessage)
	})
}

func TestClientThatVanishesIsDropped(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		healthy, dead := b.dial(), b.dialOld(s)
		require.NoError(t, s.WaitClients(b.ctx, 2))
		dead.conn.Close()
		sendNumbers(t, s.Send, 1, 100)
		receiveNumbers(b, healthy, 1, 100)
		e := nextEvent(b, s, EventDisconnected)
		require.Equal(t, ReasonEOF, e.Reason, e.Text)
		require.Len(t, s.Clients(), 1)
	})
}

func TestListenErrors(t *testing.T) {
	b := newBed(t, Unix)
	file := filepath.Join(b.settings.SocketDir, "test.sock")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	_, err := Listen(b.ctx, Unix, "test", Config{Settings: &b.settings})
	require.Error(t, err, "a regular file is not a stale socket")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(kept))

	_, err = Listen(b.ctx, Transport("pigeon"), "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = Listen(b.ctx, Unix, "", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "cannot be empty")

	b.settings.LogMessages = 0
	_, err = Listen(b.ctx, Unix, "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrSettings, "settings that a program made itself are checked")
	require.ErrorContains(t, err, "log_messages")
	_, err = Dial(b.ctx, Unix, "test", Config{Settings: &Settings{}})
	require.ErrorIs(t, err, ErrSettings)
}

func TestServerWithoutEventsCannotBePulled(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve(func(cfg *Config) { cfg.KeepEvents = false })
	c := b.dial()
	require.NoError(t, c.Send(number(t, 1)), "messages are taken and dropped")
	require.ErrorIs(t, s.ReceiveBatch(b.ctx, &Batch{}, 0), ErrInvalid)
	require.ErrorIs(t, s.TryReceiveBatch(&Batch{}, 0), ErrInvalid)
	for _, err := range s.Events(b.ctx) {
		require.ErrorIs(t, err, ErrInvalid)
	}
}

func TestStats(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	c := b.dial()
	sendNumbers(t, s.Send, 1, 9)
	receiveNumbers(b, c, 1, 9)
	require.NoError(t, s.Send(Message{RetainKey: "k"}))
	require.NoError(t, c.Send(number(t, 1)))
	nextEvent(b, s, EventMessage)
	stats := s.Stats()
	require.EqualValues(t, 10, stats.Sent)
	require.EqualValues(t, 11, stats.Seq)
	require.EqualValues(t, 1, stats.Received)
	require.Equal(t, 1, stats.Clients)
	require.Equal(t, 1, stats.Retained)
	require.Equal(t, 10, stats.LogMessages)
	require.NotZero(t, stats.Epoch)
	require.Zero(t, stats.Dropped)
	require.Zero(t, stats.Queued)
}

// A client that leaves has said so, whoever notices first: a write that fails,
// or the reader, who comes to the goodbye later.
func TestGoodbyeCountsBehindAFailedWrite(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.BufferSize = 1
	s, c := b.serve(), b.dial()
	nextEvent(b, s, EventFirstClient)
	sendNumbers(t, c.Send, 1, 3) // the reader waits for room
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool {
		require.NoError(t, s.Send(number(t, 1)))
		s.log.mu.Lock()
		defer s.log.mu.Unlock()
		return len(s.log.cursors) == 0 // the write has failed
	}, patience, time.Millisecond)
	e := nextEvent(b, s, EventDisconnected)
	require.Equal(t, ReasonClosed, e.Reason, e.Text)
}
