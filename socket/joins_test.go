package socket

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var joinsSeed = flag.Uint64("joins.seed", 0, "replay this seed of TestJoinsAtRandomMoments only")

// TestJoinsAtRandomMoments lets clients join and leave while a server
// publishes some ten thousand messages a second. Each is to be given first the
// newest message of every key from before the history, then the history, then
// SYNCED, then what is sent from that moment on: no gap, nothing twice. A seed
// chooses the sizes, the keys and how long each client stays; which moment it
// hits is the machine's choice.
func TestJoinsAtRandomMoments(t *testing.T) {
	seeds := make([]uint64, sized(4, 20))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if *joinsSeed != 0 {
		seeds = []uint64{*joinsSeed}
	}
	for _, seed := range seeds {
		transport := []Transport{Unix, TCP}[seed%2]
		if !t.Run(fmt.Sprintf("%s/seed=%d", transport, seed), func(t *testing.T) {
			runJoins(t, transport, seed, sized(50, 100))
		}) {
			return
		}
	}
}

func runJoins(t *testing.T, transport Transport, seed uint64, total int) {
	const joiners = 4
	rnd := rand.New(rand.NewPCG(seed, 2))
	b := newBed(t, transport).patient()
	b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 100, 100
	b.settings.LogMessages, b.settings.LogBytes = 1<<18, 64<<20 // nobody is slow here
	b.settings.HistorySize = []int{0, 1, 30, 1000}[rnd.IntN(4)]
	b.settings.RetainKeys = []int{0, 1, 5, 64}[rnd.IntN(4)]
	s := b.serve(func(cfg *Config) { cfg.KeepEvents = false })
	b.dial(func(cfg *Config) { cfg.OnEvent = func(Event) {} }) // so that nothing is queued for a first client

	p := &publisher{rnd: rand.New(rand.NewPCG(seed, 3))}
	ctx, stop := context.WithCancel(b.ctx)
	var publishing, joining sync.WaitGroup
	publishing.Go(func() { p.publish(ctx, t, s) })
	seen := make(chan joined, total)
	for j := range joiners {
		rnd := rand.New(rand.NewPCG(seed, 4+uint64(j)))
		joining.Go(func() {
			for range total / joiners {
				seen <- join(b, 1+rnd.IntN(300))
			}
		})
	}
	joining.Wait()
	stop()
	publishing.Wait()
	require.False(t, t.Failed())
	close(seen)
	late := 0
	for j := range seen {
		if !p.check(t, &b.settings, j) {
			late++
		}
	}
	t.Logf("%d messages; %d of %d handshakes were slow", len(p.keys), late, total)
	require.Less(t, late, total/2)
}

// A publisher sends messages {"n": seq}, some with a key, and remembers which.
type publisher struct {
	rnd  *rand.Rand
	keys []string // of message seq = index + 1
}

// publisherKeys is how many keys a publisher uses.
const publisherKeys = 40

// publish sends ten messages a millisecond, and some more after it was late,
// until ctx ends.
func (p *publisher) publish(ctx context.Context, t *testing.T, s *Server) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		due := int(time.Since(start) / (100 * time.Microsecond))
		for range min(due-len(p.keys), 50) {
			key := ""
			if p.rnd.IntN(3) == 0 {
				key = fmt.Sprint("key", p.rnd.IntN(publisherKeys))
			}
			p.keys = append(p.keys, key)
			m := number(t, len(p.keys))
			m.RetainKey = key
			if err := s.Send(m); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// joined is what one client was given.
type joined struct {
	first    int   // the number of the first message, retained ones aside; or of the one to come
	next     int   // the number that is due
	synced   int   // what SYNCED says
	retained []int // the retained messages, in order
	slow     bool  // the handshake took one of the two too long: the numbers came later
	fault    error // what was out of order
}

// join dials, and reads until some live messages have come.
func join(b *bed, live int) (j joined) {
	c, err := b.tryDial()
	if err != nil {
		return joined{fault: err}
	}
	defer c.Close()
	for e, err := range c.Events(b.ctx) {
		if err == nil {
			err = j.take(&e)
		}
		if err != nil {
			j.fault = err
			return j
		}
		if j.synced != 0 && j.next >= j.synced+live {
			return j
		}
	}
	return j
}

// take checks one event.
func (j *joined) take(e *Event) error {
	switch e.Kind {
	case EventConnected:
		j.first, j.next, j.slow = int(e.Seq), int(e.Seq), e.Seq == 0
	case EventSynced:
		j.begin(int(e.Seq))
		if j.synced = int(e.Seq); j.synced != j.next {
			return fmt.Errorf("SYNCED says %d, where %d is due", j.synced, j.next)
		}
	case EventMessage:
		return j.message(e)
	default:
		return fmt.Errorf("an event of kind %d: %s", e.Kind, e.Text)
	}
	return nil
}

func (j *joined) message(e *Event) error {
	var v map[string]int
	if m := e.Message(); m.Decode(&v) != nil {
		return fmt.Errorf("a message without a number: %x", e.Data)
	}
	n := v["n"]
	if e.Retained {
		if j.next != j.first || j.synced != 0 {
			return fmt.Errorf("message %d was retained, and comes after %d", n, j.next-1)
		}
		j.retained = append(j.retained, n)
		return nil
	}
	j.begin(n)
	if n != j.next || int(e.Seq) != n && (e.Seq != 0 || !j.slow || j.synced != 0) {
		return fmt.Errorf("message %d, numbered %d, where %d is due", n, e.Seq, j.next)
	}
	j.next++
	return nil
}

// begin takes the first number from what comes, when CONNECTED did not say.
func (j *joined) begin(n int) {
	if j.next == 0 {
		j.first, j.next = n, n
	}
}

// check compares what a client was given with what was sent. It returns false
// when the handshake was slow: what was retained at the moment of joining is
// not known then.
func (p *publisher) check(t *testing.T, s *Settings, j joined) bool {
	require.NoError(t, j.fault)
	require.GreaterOrEqual(t, j.synced-j.first, min(s.HistorySize, j.synced-1), "the history is whole")
	for _, n := range j.retained {
		require.Less(t, n, j.first, "a retained message is from before the history")
		require.NotEmpty(t, p.keys[n-1])
	}
	if j.slow {
		return false
	}
	// The newest message of each key, of as many keys as there may be. Those
	// of the history come with it.
	var want []int
	keys := map[string]bool{}
	for n := j.synced - 1; n > 0 && len(keys) < min(s.RetainKeys, publisherKeys); n-- {
		if key := p.keys[n-1]; key != "" && !keys[key] {
			keys[key] = true
			if n < j.first {
				want = append(want, n)
			}
		}
	}
	slices.Reverse(want)
	require.Equal(t, want, j.retained, "the newest of each key before %d", j.first)
	return true
}
