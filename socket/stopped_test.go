package socket

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// payloadSize is the size of a payload: a MessagePack bin that begins with a
// number, which determines every byte that follows.
const (
	payloadSize   = 4 << 10
	payloadHeader = 3
)

func payload(n int) []byte {
	b := make([]byte, payloadSize)
	b[0] = 0xc5
	binary.BigEndian.PutUint16(b[1:], payloadSize-payloadHeader)
	for at := payloadHeader; at+8 <= len(b); at += 8 {
		binary.BigEndian.PutUint64(b[at:], uint64(n)*uint64(at))
	}
	binary.BigEndian.PutUint64(b[payloadHeader:], uint64(n))
	return b
}

// payloadNumber returns the number of a payload that is whole.
func payloadNumber(b []byte) (int, error) {
	if len(b) != payloadSize {
		return 0, fmt.Errorf("a payload of %d bytes", len(b))
	}
	n := int(binary.BigEndian.Uint64(b[payloadHeader:]))
	if !bytes.Equal(b, payload(n)) {
		return 0, fmt.Errorf("message %d is damaged", n)
	}
	return n, nil
}

func init() { programs["reader"] = readerProgram }

type readerOptions struct {
	Last  int // the payload to end with
	Every int // the server is told after so many that they have arrived
}

// readerReport is what a reader was given.
type readerReport struct {
	Received, Missed, Reconnects int
}

// readerProgram is a client that takes payloads 1, 2, 3 and so on and checks
// that each comes, or is told as missed before the one that follows. It
// reports once when it is there, and once at the end.
func readerProgram(p *program) error {
	var o readerOptions
	if err := json.Unmarshal(p.options, &o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := Dial(ctx, p.transport, "test", Config{Settings: p.settings})
	if err != nil {
		return err
	}
	defer c.Close()
	var r readerReport
	next, acknowledged := 1, 0
	for e, err := range c.Events(ctx) {
		if err != nil {
			return err
		}
		switch e.Kind {
		case EventSynced:
			if next == 1 {
				if err := p.reports.Encode(r); err != nil {
					return err
				}
			}
		case EventDisconnected:
			r.Reconnects++
		case EventLagged:
			if int(e.Seq) != next {
				return fmt.Errorf("LAGGED from %d, where %d is due", e.Seq, next)
			}
			r.Missed += int(e.Count)
			next += int(e.Count)
		case EventMessage:
			n, err := payloadNumber(e.Data)
			if err != nil {
				return err
			}
			if n != next || int(e.Seq) != n {
				return fmt.Errorf("message %d, numbered %d, where %d is due", n, e.Seq, next)
			}
			r.Received++
			next++
		}
		if next-acknowledged > o.Every || next > o.Last {
			acknowledged = next - 1
			if err := c.Send(Message{TimestampMs: int64(acknowledged)}); err != nil && !errors.Is(err, ErrNotConnected) {
				return err
			}
		}
		if next > o.Last {
			return p.reports.Encode(r)
		}
	}
	return errors.New("closed")
}

// stoppedTest is a server with two clients that keep up, and one that is
// stopped with SIGSTOP after a while.
type stoppedTest struct {
	*bed
	server  *Server
	readers []*process
	stopped *process
	total   int
	window  int // the healthy readers are at most so many messages behind

	ids     []ClientID       // of the healthy ones
	arrived map[ClientID]int // how far they are
	slow    bool             // a client was disconnected for that
	sent    int
	longest time.Duration // of all Sends
}

// TestStoppedClient: whatever a client does that is stopped, the others are
// given every message in order, no Send waits for it longer than the policy
// says, the memory stays within the bound of the log, and when it goes on, what
// it was given and what it was told to have missed is all that was sent.
func TestStoppedClient(t *testing.T) {
	for _, policy := range []SlowClient{SlowDropOldest, SlowLatest, SlowDisconnect, SlowBlock} {
		t.Run(string(policy), func(t *testing.T) {
			eachTransport(t, func(t *testing.T, b *bed) {
				if b.transport == TCP && policy != SlowDropOldest && !*soak {
					return // the policies do not know transports
				}
				s := newStopped(b.patient(), policy)
				if policy == SlowBlock {
					s.blocked()
				} else {
					s.unblocked()
				}
				s.check()
			})
		})
	}
}

func newStopped(b *bed, policy SlowClient) *stoppedTest {
	// Ordinarily little is sent, so that the log has to be small for the
	// stopped client to fall behind; its socket buffers hold some megabytes.
	b.settings.LogBytes = sized(1<<20, b.settings.LogBytes)
	b.settings.SlowClient = policy
	s := &stoppedTest{
		bed: b,
		server: b.serve(func(cfg *Config) {
			if policy == SlowBlock {
				cfg.Settings.SendTimeout = 50 * time.Millisecond
			}
		}),
		total:   sized(4000, 100_000),
		window:  b.settings.LogBytes / payloadSize / 4,
		arrived: map[ClientID]int{},
	}
	o := readerOptions{Last: s.total, Every: s.window / 4}
	for range 3 {
		p := b.run("reader", o)
		p.report(&readerReport{})
		s.readers = append(s.readers, p)
		s.ids = append(s.ids, nextEvent(b, s.server, EventConnected).Client)
	}
	s.stopped, s.ids = s.readers[2], s.ids[:2]
	return s
}

// send sends the next message. It fails under SlowBlock alone.
func (s *stoppedTest) send() error {
	m := Message{Data: payload(s.sent + 1)}
	begun := time.Now()
	err := s.server.Send(m)
	s.longest = max(s.longest, time.Since(begun))
	if err == nil {
		s.sent++
	}
	return err
}

// follow waits until the healthy readers are not more than so many messages
// behind: that they keep up is what makes them healthy.
func (s *stoppedTest) follow(behind int) {
	var batch Batch
	for min(s.arrived[s.ids[0]], s.arrived[s.ids[1]]) < s.sent-behind {
		require.NoError(s.t, s.server.ReceiveBatch(s.ctx, &batch, 0))
		for _, e := range batch.Events {
			switch e.Kind {
			case EventMessage:
				s.arrived[e.Client] = int(e.TimestampMs)
			case EventDisconnected:
				require.NotContains(s.t, s.ids, e.Client, "a healthy client was disconnected: %s", e.Text)
				s.slow = s.slow || e.Reason == ReasonSlow
			}
		}
	}
}

// memory is what the process holds, garbage aside.
func memory() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// unblocked is every policy under which Send waits for nobody.
func (s *stoppedTest) unblocked() {
	for s.sent < s.total/20 {
		require.NoError(s.t, s.send())
		s.follow(s.window)
	}
	s.stopped.stop()
	before, most := memory(), 0
	for s.sent < s.total {
		require.NoError(s.t, s.send())
		s.follow(s.window)
		if s.sent%(s.total/10) == 0 {
			most = max(most, memory()-before)
			require.LessOrEqual(s.t, s.server.Stats().LogBytes, s.settings.LogBytes)
		}
	}
	s.t.Logf("longest Send %v, %d KiB more memory with a log of %d KiB", s.longest, most>>10, s.settings.LogBytes>>10)
	require.Less(s.t, s.longest, s.settings.SendTimeout, "the client stood still all the time")
	// The log, its spare chunks, and the chunk that is being written to the
	// stopped client.
	require.Less(s.t, most, 2*s.settings.LogBytes+1<<20)

	s.stopped.resume()
}

// blocked: under SlowBlock the log fills up, Send times out, and nothing is
// lost once the client goes on.
func (s *stoppedTest) blocked() {
	timeout := s.server.settings.SendTimeout
	s.stopped.stop()
	var err error
	for err == nil {
		s.longest = 0
		err = s.send()
	}
	require.ErrorIs(s.t, err, ErrTimeout)
	require.ErrorIs(s.t, s.send(), ErrTimeout)
	require.GreaterOrEqual(s.t, s.longest, timeout)
	require.Less(s.t, s.longest, timeout+5*time.Second)
	require.LessOrEqual(s.t, s.server.Stats().LogBytes, s.settings.LogBytes)
	s.t.Logf("%d messages in the log, longest Send %v", s.sent, s.longest)
	s.follow(s.window) // the healthy ones were given what was sent

	s.stopped.resume()
	for s.sent < s.total {
		if err := s.send(); err != nil {
			require.ErrorIs(s.t, err, ErrTimeout) // and it was not sent
		}
	}
}

// check compares what the readers report with what was sent.
func (s *stoppedTest) check() {
	dropped := 0
	for i, p := range s.readers {
		var r readerReport
		p.report(&r)
		p.end()
		s.t.Logf("reader %d: %+v", i, r)
		require.Equal(s.t, s.total, r.Received+r.Missed, "received + missed = sent")
		dropped += r.Missed
		switch policy := s.settings.SlowClient; {
		case policy == SlowBlock, policy != SlowLatest && p != s.stopped:
			require.Zero(s.t, r.Missed)
		case p == s.stopped:
			require.NotZero(s.t, r.Missed, "the test is too small for it to fall behind")
		}
		if p == s.stopped && s.settings.SlowClient == SlowDisconnect {
			require.NotZero(s.t, r.Reconnects)
		} else {
			require.Zero(s.t, r.Reconnects)
		}
	}
	if s.settings.SlowClient == SlowDisconnect {
		for !s.slow { // the others have ended well
			s.slow = nextEvent(s.bed, s.server, EventDisconnected).Reason == ReasonSlow
		}
	}
	require.EqualValues(s.t, dropped, s.server.Stats().Dropped)
	require.EqualValues(s.t, s.total, s.server.Stats().Sent)
}
