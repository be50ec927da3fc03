package socket

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stall dials a client whose host takes nothing: its inbox holds one message.
func stall(b *bed) *Client {
	return b.dial(func(cfg *Config) { cfg.Settings.BufferSize = 1 })
}

// tally receives until message "last" and returns how many messages came and
// how many were told as missed; the order is checked.
func tally(b *bed, c *Client, last int) (received, missed int) {
	b.t.Helper()
	var batch Batch
	for {
		require.NoError(b.t, c.ReceiveBatch(b.ctx, &batch, 0))
		for i := range batch.Events {
			switch e := &batch.Events[i]; e.Kind {
			case EventLagged:
				require.EqualValues(b.t, received+missed+1, e.Seq)
				missed += int(e.Count)
			case EventMessage:
				n := numberOf(b.t, e.Message())
				require.Equal(b.t, received+missed+1, n, "every gap is told before what follows it")
				require.EqualValues(b.t, n, e.Seq)
				received++
				if n == last {
					return received, missed
				}
			}
		}
	}
}

func TestDropOldestTellsTheSlowClientWhatItMissed(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.LogMessages = 100
		s := b.serve()
		slow, healthy := stall(b), b.dial(func(cfg *Config) { cfg.Settings.BufferSize = 1 << 20 })
		const total = 20000
		sendWeighty(t, s, total)
		received, missed := tally(b, slow, total)
		require.Equal(t, total, received+missed)
		require.NotZero(t, missed)
		stats := s.Stats()
		require.LessOrEqual(t, stats.LogMessages, 100)
		r, m := tally(b, healthy, total)
		require.EqualValues(t, missed+m, stats.Dropped)
		require.Equal(t, total, r+m)
	})
}

func TestDefaultsHoldABurstOfTenThousand(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	slow := stall(b)
	sendNumbers(t, s.Send, 1, 10000)
	received, missed := tally(b, slow, 10000)
	require.Equal(t, 10000, received)
	require.Zero(t, missed)
}

// sendWeighty sends numbers 1 to total in frames of more than 1 KiB, so that
// the system's buffers, some megabytes over TCP, do not hold them all.
func sendWeighty(t testing.TB, s *Server, total int) {
	t.Helper()
	text := strings.Repeat("x", 1<<10)
	for n := 1; n <= total; n++ {
		m := number(t, n)
		m.TimestampISO = text
		require.NoError(t, s.Send(m))
	}
}

func TestLatestGivesTheNewest(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowLatest
		s := b.serve()
		slow := stall(b)
		const total = 20000
		sendWeighty(t, s, total)
		received, missed := tally(b, slow, total)
		require.Equal(t, total, received+missed)
		require.NotZero(t, missed)
	})
}

func TestDisconnectSendsTheSlowClientAwayWithTheReason(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowDisconnect
		b.settings.LogMessages = 100
		s := b.serve()
		slow := b.dial(func(cfg *Config) {
			cfg.Settings.BufferSize = 1
			cfg.Settings.Reconnect = false
		})
		nextEvent(b, s, EventConnected)
		sendWeighty(t, s, 20_000)
		// The server notices when the client reads again, or at once over a
		// small socket buffer.
		e := nextEvent(b, slow, EventDisconnected)
		require.Equal(t, ReasonSlow, e.Reason)
		require.Equal(t, ReasonSlow, nextEvent(b, s, EventDisconnected).Reason)
	})
}

// narrow gives the client's socket a small receive buffer. By itself one of TCP
// may grow to more than any message has.
func narrow(b *bed, c *Client) {
	c.mu.Lock()
	raw := c.link.raw
	c.mu.Unlock()
	if secured, ok := raw.conn.(*tlsConn); ok {
		raw = secured.wire.raw
	}
	conn, err := raw.conn.(syscall.Conn).SyscallConn()
	require.NoError(b.t, err)
	require.NoError(b.t, conn.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10)
	}))
	require.NoError(b.t, err)
}

// overtakeWriting overtakes, under "disconnect", a client whose writer waits for
// it in the middle of a message.
func overtakeWriting(b *bed, timeout time.Duration) (*Server, *Client) {
	b.settings.SlowClient = SlowDisconnect
	b.settings.LogMessages, b.settings.LogBytes = 100, 48<<20
	s := b.serve(func(cfg *Config) { cfg.Settings.FrameTimeout = timeout })
	c := b.dial(func(cfg *Config) {
		cfg.Settings.BufferSize = 1
		cfg.Settings.Reconnect = false
	})
	nextEvent(b, s, EventConnected)
	narrow(b, c)
	// The client takes two, and the system's buffers do not hold a third.
	for range 3 {
		require.NoError(b.t, s.Send(binaryMessage(12<<20)))
	}
	require.Eventually(b.t, func() bool {
		clients := s.Clients()
		return len(clients) == 1 && clients[0].Backlog == 0
	}, patience, time.Millisecond, "the third is being written")
	sendNumbers(b.t, s.Send, 1, 2*b.settings.LogMessages)
	return s, c
}

// A client that has stopped reading for good cannot be told: its connection
// ends all the same, and its place is free.
func TestDisconnectEndsAClientThatReadsNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s, _ := overtakeWriting(b, 50*time.Millisecond)
		require.Equal(t, ReasonSlow, nextEvent(b, s, EventDisconnected).Reason)
	})
}

// One that reads again in time is given the rest of the message, and is told.
func TestDisconnectTellsAClientThatReadsAgain(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s, c := overtakeWriting(b, patience)
		for range 3 {
			require.Greater(t, len(nextEvent(b, c, EventMessage).Data), 12<<20)
		}
		require.Equal(t, ReasonSlow, nextEvent(b, c, EventDisconnected).Reason)
		require.Equal(t, ReasonSlow, nextEvent(b, s, EventDisconnected).Reason)
	})
}

// binaryMessage has data of so many bytes.
func binaryMessage(size int) Message {
	return Message{Data: append(binary.BigEndian.AppendUint32([]byte{0xc6}, uint32(size)), make([]byte, size)...)}
}

func TestBlockWaitsForTheSlowestAndLosesNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowBlock
		b.settings.LogMessages = 64
		b.settings.SendTimeout = patience
		s := b.serve()
		slow, other := stall(b), b.dial()
		const total = 5000 // the log is full 78 times
		done := make(chan struct{})
		go func() {
			defer close(done)
			sendNumbers(t, s.Send, 1, total)
		}()
		counts := make(chan int, 2)
		for _, c := range []*Client{slow, other} {
			go func() {
				received, missed := tally(b, c, total)
				counts <- received - missed
			}()
		}
		require.Equal(t, total, <-counts)
		require.Equal(t, total, <-counts)
		<-done
	})
}

func TestBlockTimesOutAndEndsWithTheClient(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.SlowClient = SlowBlock
	b.settings.LogMessages = 10
	b.settings.SendTimeout = time.Millisecond
	b.settings.Linger = 0
	s := b.serve()
	slow := b.dialOld(s)
	require.NoError(t, s.WaitClients(b.ctx, 1))
	var err error
	sent := 0
	for err == nil {
		err = s.Send(number(t, sent+1))
		sent++
	}
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorContains(t, err, "send_timeout")
	require.EqualValues(t, sent-1, s.Stats().Sent, "a message that timed out was not sent")

	// Without the client there is nobody to wait for.
	slow.conn.Close()
	nextEvent(b, s, EventDisconnected)
	sendNumbers(t, s.Send, 1, 100)
}

func TestUnicastsToAStoppedClientAreBounded(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.Linger = 0
	s := b.serve()
	b.dialOld(s)
	id := nextEvent(b, s, EventConnected).Client
	m := Message{Data: append([]byte{0xc6, 0, 16, 0, 0}, make([]byte, 1<<20)...)}
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = s.SendTo(id, m)
	}
	require.ErrorIs(t, err, ErrSlow)
	require.LessOrEqual(t, n, maxBeside>>20+3)
}

// What a newcomer is given first is not what was sent to it alone: it leaves
// all the room for that.
func TestUnicastBesideMuchThatIsRetained(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.Linger = 0
	b.settings.LogBytes = 4 * maxBeside
	s := b.serve()
	m := Message{Data: append([]byte{0xc6, 0, 16, 0, 0}, make([]byte, 1<<20)...)}
	for n := range maxBeside>>20 + 2 {
		m.RetainKey = fmt.Sprint(n)
		require.NoError(t, s.Send(m))
	}
	s.ClearQueue()
	b.dialOld(s)
	id := nextEvent(b, s, EventConnected).Client
	require.NoError(t, s.SendTo(id, number(t, 1)))
}

func TestHistoryThenSyncedThenLive(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.HistorySize = 3
		s := b.serve()
		first := b.dial()
		sendNumbers(t, s.Send, 1, 5)
		receiveNumbers(b, first, 1, 5)
		late := b.dial()
		sendNumbers(t, s.Send, 6, 6)
		for n := 3; n <= 5; n++ {
			e := nextEvent(b, late, EventMessage)
			require.Equal(t, n, numberOf(t, e.Message()))
			require.EqualValues(t, n, e.Seq)
		}
		require.EqualValues(t, 6, nextEvent(b, late, EventSynced).Seq)
		receiveNumbers(b, late, 6, 6)
	})
}

func TestRetainedMessagesComeFirst(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.RetainKeys = 2
		s := b.serve()
		keep := func(key string, n int) {
			m := number(t, n)
			m.RetainKey = key
			require.NoError(t, s.Send(m))
		}
		early := b.dial()
		keep("gone", 1)
		keep("a", 2)
		keep("b", 3)
		keep("a", 4)
		sendNumbers(t, s.Send, 5, 5)
		receiveNumbers(b, early, 1, 5)
		late := b.dial()
		sendNumbers(t, s.Send, 6, 6)
		for _, n := range []int{3, 4} {
			e := nextEvent(b, late, EventMessage)
			require.Equal(t, n, numberOf(t, e.Message()))
			require.True(t, e.Retained)
			require.Zero(t, e.Seq)
		}
		nextEvent(b, late, EventSynced)
		e := nextEvent(b, late, EventMessage)
		require.EqualValues(t, 6, e.Seq)
		require.False(t, e.Retained)

		old := b.dialOld(s)
		require.Equal(t, 3, numberOf(t, old.receive()), "an old client is given them too")
		require.Equal(t, 4, numberOf(t, old.receive()))
	})
}

// Under `latest` a newcomer is given the newest message of the queue alone, and
// of every other key what is retained.
func TestRetainedUnderLatest(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.SlowClient = SlowLatest
		s := b.serve()
		for n, key := range []string{"a", "b", "a", "c"} {
			m := number(t, n+1)
			m.RetainKey = key
			require.NoError(t, s.Send(m))
		}
		first := b.dial() // has the queue
		for _, n := range []int{2, 3, 4} {
			e := nextEvent(b, first, EventMessage)
			require.Equal(t, n, numberOf(t, e.Message()))
			require.Equal(t, n < 4, e.Retained)
		}
		require.EqualValues(t, 3, s.Stats().Dropped)
		first.Close()
		nextEvent(b, s, EventLastClient)

		sendNumbers(t, s.Send, 5, 6)
		old := b.dialOld(s)
		for _, n := range []int{2, 3, 4, 6} {
			require.Equal(t, n, numberOf(t, old.receive()))
		}
	})
}

func TestTypeFilter(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		c := b.dial(func(cfg *Config) { cfg.Settings.Types = []MessageType{Error} })
		require.NoError(t, s.WaitClients(b.ctx, 1))
		send := func(kind MessageType, n int) {
			m := number(t, n)
			m.Type = kind
			require.NoError(t, s.Send(m))
		}
		const total = 30000 // more than the log holds: what it does not want is not missed
		for n := 1; n <= total; n++ {
			send([]MessageType{Data, Control}[n%2], n)
		}
		send(Error, total+1)
		require.NoError(t, s.SendTo(s.Clients()[0].ID, number(t, total+2)))
		var batch Batch
		var numbers []int
		for len(numbers) < 2 {
			require.NoError(t, c.ReceiveBatch(b.ctx, &batch, 0))
			for i := range batch.Events {
				e := &batch.Events[i]
				require.NotEqual(t, EventLagged, e.Kind)
				if e.Kind == EventMessage {
					numbers = append(numbers, numberOf(t, e.Message()))
					if !e.Unicast {
						require.EqualValues(t, total+1, e.Seq, "it keeps count of what it was not sent")
					}
				}
			}
		}
		require.Equal(t, []int{total + 1, total + 2}, numbers, "what is sent to it alone always comes")
	})
}

// Who comes back has not missed what it does not want: neither what passed while
// it was there, of which it is told the numbers now and then, nor what the log has
// lost since.
func TestTypeFilterAfterALostConnection(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.LogMessages = 4 * untoldLeast
		s := b.serve()
		sent := 0
		send := func(kind MessageType, count int) {
			for range count {
				sent++
				m := number(t, sent)
				m.Type = kind
				require.NoError(t, s.Send(m))
			}
		}
		hello := control{kind: controlHello, version: 1, types: newTypeSet([]MessageType{Error}), epoch: s.epoch}
		var p *oldPeer
		join := func() (told []controlKind) {
			p = b.dialOld(s)
			p.write(hello.appendFrame(nil))
			nextEvent(b, s, EventConnected)
			welcome := p.control()
			require.Equal(t, controlWelcome, welcome.kind)
			require.True(t, !hello.hasResume || welcome.seq == hello.seq)
			hello.hasResume, hello.seq = true, welcome.seq
			for {
				ctl := p.control()
				if ctl.kind == controlSynced {
					return told
				}
				told = append(told, ctl.kind)
				require.Equal(t, controlLagged, ctl.kind)
				require.EqualValues(t, []uint64{ctl.missed, hello.seq}, []uint64{s.Stats().Dropped, ctl.from})
				hello.seq = ctl.to + 1
			}
		}
		// numbers reads up to a message, and returns how many numbers were told.
		numbers := func() (told int) {
			for {
				body, err := p.body()
				require.NoError(t, err)
				var env envelope
				var ctl control
				isControl, err := parseBody(body, &env, &ctl, nil)
				require.NoError(t, err)
				switch {
				case isControl:
					require.Equal(t, controlSeq, ctl.kind)
					require.Greater(t, ctl.seq, hello.seq)
					hello.seq = ctl.seq
					told++
				case env.unicast:
					return told
				default:
					require.Equal(t, int(hello.seq), numberOf(t, p.message(body)))
					hello.seq++
					return told
				}
			}
		}
		leave := func() {
			p.conn.Close()
			nextEvent(b, s, EventDisconnected)
		}

		require.Empty(t, join())
		send(Data, 100*untoldLeast)
		require.NoError(t, s.SendTo(s.Clients()[0].ID, number(t, 0)))
		told := numbers()
		require.LessOrEqual(t, told, 100)
		require.Positive(t, told)
		require.LessOrEqual(t, sent-int(hello.seq), untoldLeast)
		leave()
		send(Data, 1000)
		require.Empty(t, join(), "there was nothing for it")
		require.Zero(t, s.Stats().Dropped)
		send(Error, 1)
		require.Equal(t, 1, numbers())
		leave()
		send(Data, 1)
		send(Error, 1)
		send(Data, 1000)
		require.Equal(t, []controlKind{controlLagged}, join())
	})
}

func TestResumeAfterALostConnection(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.LogMessages = 50
	s := b.serve()
	c := b.dial()
	nextEvent(b, s, EventConnected)
	sendNumbers(t, s.Send, 1, 3)
	receiveNumbers(b, c, 1, 3)

	cut := func(sends func()) {
		s.mu.Lock()
		for _, conn := range s.conns {
			conn.raw.Close()
		}
		s.mu.Unlock()
		sends()
		var batch Batch
		for seen := 0; seen < 2; { // gone and back, in either order
			require.NoError(t, s.ReceiveBatch(b.ctx, &batch, 1))
			if k := batch.Events[0].Kind; k == EventConnected || k == EventDisconnected {
				seen++
			}
		}
	}
	cut(func() { sendNumbers(t, s.Send, 4, 6) })
	nextEvent(b, c, EventConnected)
	receiveNumbers(b, c, 4, 6)
	// Whatever has been sent while it was away comes, or is told as missed.
	cut(func() { sendNumbers(t, s.Send, 7, 206) })
	received, missed := 0, 0
	for received+missed < 200 {
		var batch Batch
		require.NoError(t, c.ReceiveBatch(b.ctx, &batch, 1))
		switch e := &batch.Events[0]; e.Kind {
		case EventLagged:
			require.EqualValues(t, 7+received+missed, e.Seq)
			missed += int(e.Count)
		case EventMessage:
			require.Equal(t, 7+received+missed, numberOf(t, e.Message()))
			received++
		}
	}
}

func TestFirstAndLastClient(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	one := b.dial()
	require.Equal(t, nextEvent(b, s, EventConnected).Client, nextEvent(b, s, EventFirstClient).Client)
	two := b.dial()
	require.EqualValues(t, 2, nextEvent(b, s, EventConnected).Count)
	one.Close()
	require.EqualValues(t, 1, nextEvent(b, s, EventDisconnected).Count)
	two.Close()
	last := nextEvent(b, s, EventDisconnected)
	require.Zero(t, last.Count)
	require.Equal(t, last.Client, nextEvent(b, s, EventLastClient).Client)
}

// Where a message cannot be kept for newcomers, a key for that is not passed
// over in silence.
func TestRetainKeyWhereNothingIsKept(t *testing.T) {
	b := newBed(t, Unix)
	s, c := b.serve(), b.dial()
	kept := number(t, 1)
	kept.RetainKey = "state"
	err := c.Send(kept)
	require.ErrorIs(t, err, ErrBadMessage)
	require.ErrorContains(t, err, `retain_key "state": only a server keeps`)
	n, err := c.SendMany([]Message{number(t, 1), kept})
	require.ErrorIs(t, err, ErrBadMessage)
	require.Equal(t, 1, n)

	id := nextEvent(b, s, EventConnected).Client
	err = s.SendTo(id, kept)
	require.ErrorIs(t, err, ErrBadMessage)
	require.ErrorContains(t, err, `retain_key "state": what is sent to one client`)
	n, err = s.SendPacked(packed(t, row{0, 0, nil, nil, nil, uint64(id), "state"}))
	require.ErrorIs(t, err, ErrBadMessage)
	require.Zero(t, n)
	require.NoError(t, s.SendTo(id, number(t, 2)))
	receiveNumbers(b, c, 2, 2)
}
