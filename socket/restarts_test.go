package socket

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var restartsSeed = flag.Uint64("restarts.seed", 1, "what TestRestartsAndKills chooses by")

// lifeOptions say how long a server lives, in which of its lives.
type lifeOptions struct{ Life int }

// lifeMessage is what a server sends; N counts from 1 in each life.
type lifeMessage struct {
	Life int `msgpack:"life"`
	N    int `msgpack:"n"`
}

// lifeReport tells when a server began to listen, and at the end how many
// messages it sent.
type lifeReport struct {
	Began time.Time
	Sent  int
}

func init() { programs["server"] = serverProgram }

// serverProgram listens, and sends some messages every millisecond until it is
// ordered to stop, or killed.
func serverProgram(p *program) error {
	var o lifeOptions
	if err := json.Unmarshal(p.options, &o); err != nil {
		return err
	}
	began := time.Now()
	s, err := Listen(context.Background(), p.transport, "test", Config{Settings: p.settings})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := p.reports.Encode(lifeReport{Began: began}); err != nil {
		return err
	}
	stop := make(chan error, 1)
	go func() { stop <- p.orders.Decode(new(string)) }() // ends with the order
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 1; ; {
		select {
		case err := <-stop:
			s.Close()
			_ = p.reports.Encode(lifeReport{began, n - 1})
			return err
		case <-tick.C:
		}
		for range 5 {
			m, err := NewMessage(Data, lifeMessage{o.Life, n})
			if err == nil {
				err = s.Send(m)
			}
			if err != nil {
				return err
			}
			n++
		}
	}
}

// viewer is what a client that outlives its servers was given. Its hook checks
// every event.
type viewer struct {
	mu      sync.Mutex
	changed chan struct{} // a token whenever something has happened

	connected bool
	at        time.Time // of the last CONNECTED
	seq       int       // what it said; 0: nothing, the handshake was slow
	due       int       // the number of the message to come on this connection; 0: not known
	fresh     bool      // no message has come on it

	life int               // whose messages come
	next int               // the number due in that life
	seen map[int]time.Time // the lives, and when it was connected to them

	received, missed, slow int
	faults                 []string
}

func (v *viewer) take(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e.Kind {
	case EventConnected:
		v.check(!v.connected, "CONNECTED twice")
		v.connected, v.at, v.fresh = true, time.Now(), true
		v.seq, v.due = int(e.Seq), int(e.Seq)
		if v.seq == 0 {
			v.slow++
		}
	case EventDisconnected:
		v.check(v.connected, "DISCONNECTED twice")
		v.check(slices.Contains([]Reason{ReasonStopped, ReasonEOF, ReasonIO}, e.Reason), "DISCONNECTED: %s", e.Text)
		v.connected = false
	case EventLagged:
		v.missed += int(e.Count)
		if v.seq != 0 {
			v.check(int(e.Seq) == v.due, "LAGGED from %d, where %d is due", e.Seq, v.due)
			v.due += int(e.Count)
		}
	case EventMessage:
		v.message(&e)
	}
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

func (v *viewer) message(e *Event) {
	var m lifeMessage
	if err := e.Message().Decode(&m); err != nil {
		v.check(false, "%v", err)
		return
	}
	switch {
	case m.Life > v.life:
		v.check(v.fresh, "message %d of life %d on a connection to life %d", m.N, m.Life, v.life)
		v.life = m.Life
		v.seen[v.life] = v.at
	case m.Life < v.life:
		v.check(false, "message %d of life %d after life %d", m.N, m.Life, v.life)
	case v.fresh && v.seq != 0:
		v.check(v.seq == v.next, "back in life %d at %d, where %d is due", v.life, v.seq, v.next)
	default:
		v.check(m.N >= v.next, "message %d of life %d twice", m.N, v.life)
	}
	v.check(v.due == 0 || m.N == v.due, "message %d of life %d, where %d is due", m.N, m.Life, v.due)
	v.check(int(e.Seq) == m.N || e.Seq == 0 && v.seq == 0, "message %d is numbered %d", m.N, e.Seq)
	v.due, v.next, v.fresh = m.N+1, m.N+1, false
	v.received++
}

func (v *viewer) check(ok bool, format string, args ...any) {
	if !ok && len(v.faults) < 10 {
		v.faults = append(v.faults, fmt.Sprintf(format, args...))
	}
}

// await waits until something holds.
func (v *viewer) await(b *bed, what string, holds func() bool) {
	b.t.Helper()
	for {
		v.mu.Lock()
		ok, faults := holds(), v.faults
		v.mu.Unlock()
		require.Empty(b.t, faults)
		if ok {
			return
		}
		select {
		case <-v.changed:
		case <-b.ctx.Done():
			require.Fail(b.t, "waiting in vain", what)
		}
	}
}

// TestRestartsAndKills stops and kills servers at random moments of their
// lives, while they start included. The client is back without having to ask
// for them, is given nothing twice, and is told every gap: by LAGGED, or by
// DISCONNECTED and then CONNECTED to a server that counts anew.
func TestRestartsAndKills(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		lives := sized(16, 500)
		if b.transport == TCP {
			lives = sized(5, 100)
		}
		runRestarts(b.patient(), lives)
	})
}

func runRestarts(b *bed, lives int) {
	rnd := rand.New(rand.NewPCG(*restartsSeed, 5))
	b.settings.WaitForServer = true
	b.comeBackWithin(time.Millisecond, 20*time.Millisecond)
	b.serve().Close() // fixes the port
	attempts := &attemptLog{}
	v := &viewer{changed: make(chan struct{}, 1), seen: map[int]time.Time{}}
	b.dial(func(cfg *Config) {
		cfg.OnEvent = v.take
		cfg.Logger = slog.New(attempts)
	})
	var delays []time.Duration
	for life := 1; life <= lives; life++ {
		p := b.run("server", lifeOptions{life})
		moment := time.After(time.Duration(rnd.IntN(150)) * time.Millisecond)
		if rnd.IntN(4) == 0 { // wherever it is then
			<-moment
			p.kill()
			continue
		}
		var r lifeReport
		p.report(&r)
		v.await(b, "a message of the new server", func() bool { return v.life == life })
		v.mu.Lock()
		delays = append(delays, v.seen[life].Sub(r.Began))
		v.mu.Unlock()
		<-moment
		if rnd.IntN(2) == 0 {
			p.kill()
			v.await(b, "DISCONNECTED", func() bool { return !v.connected })
			continue
		}
		p.order("stop")
		p.report(&r)
		p.end()
		v.await(b, "DISCONNECTED", func() bool { return !v.connected })
		v.mu.Lock()
		given := v.next - 1
		v.mu.Unlock()
		require.Equal(b.t, r.Sent, given, "what was sent before an orderly end is given")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	slices.Sort(delays)
	most := delays[len(delays)-1]
	vain := len(attempts.since(time.Time{}))
	b.t.Logf("%d lives; listen to CONNECTED: median %v, p99 %v, most %v; %d attempts in vain; %d messages, %d missed, %d slow handshakes",
		lives, delays[len(delays)/2], delays[len(delays)*99/100], most, vain, v.received, v.missed, v.slow)
	if b.transport == Unix {
		// The file was watched: nobody waited for watchedRetry, and nobody
		// asked more than a few times after each change of it.
		require.Less(b.t, most, watchedRetry/6)
		require.Less(b.t, vain, 4*(1+eagerAttempts)*lives)
	}
}

// A program that goes to another directory takes nothing along that its
// settings named relative to the one before.
func TestRelativePathsOfAProgramThatMoves(t *testing.T) {
	b := newBed(t, Unix)
	dir := b.settings.SocketDir
	s := b.serve()
	t.Chdir(filepath.Dir(dir))
	b.settings.SocketDir = filepath.Base(dir)
	c := b.dial()
	receiving := b.settings
	b.settings.SocketDir = dir
	t.Chdir(t.TempDir())

	require.NoError(t, s.Close())
	s = b.serve()
	require.NoError(t, s.WaitClients(b.ctx, 1), "the client looks for its server where it was")
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, c, 1, 1)
	require.Equal(t, filepath.Base(dir), receiving.SocketDir, "settings are not changed")
}
