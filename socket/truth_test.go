package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() { programs["counted"] = countedProgram }

// countedOrder is what a server is to send: messages to all, of which every
// tenth is retained, and as many to each client alone.
type countedOrder struct{ All, Each int }

const (
	countedKeys    = 5   // of the retained messages
	countedSize    = 600 // of their data
	countedClients = 4
)

// countedProgram is a server that sends what it is ordered to, and reports how
// many messages to all it has sent.
func countedProgram(p *program) error {
	s, err := Listen(context.Background(), p.transport, "test", Config{Settings: p.settings})
	if err != nil {
		return err
	}
	defer s.Close()
	data, err := Marshal(make([]byte, countedSize))
	if err != nil {
		return err
	}
	for sent := 0; ; {
		if err := p.reports.Encode(sent); err != nil {
			return err
		}
		var o countedOrder
		if err := p.orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		for range o.All {
			m := Message{Data: data}
			if sent%10 == 0 {
				m.RetainKey = string(rune('a' + sent/10%countedKeys))
			}
			if err := s.Send(m); err != nil {
				return err
			}
			sent++
		}
		for range o.Each {
			for _, c := range s.Clients() {
				if err := s.SendTo(c.ID, Message{Data: data}); err != nil {
					return err
				}
			}
		}
	}
}

// counts are what a client was given of one server.
type counts struct {
	connected        bool
	received, missed int // of the messages to all
	alone            int // messages to it alone
	// Messages to all, and to each, that were sent before it joined.
	before, beforeAlone int
}

// A counter is a client that counts, and can be kept from taking anything.
type counter struct {
	*Client
	name    string
	gate    sync.Mutex // held: its host takes nothing
	changed chan struct{}

	mu  sync.Mutex
	own counts
}

func (c *counter) take(e Event) {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.mu.Lock()
	switch e.Kind {
	case EventConnected:
		c.own = counts{connected: true}
	case EventDisconnected:
		c.own.connected = false
	case EventLagged:
		c.own.missed += int(e.Count)
	case EventMessage:
		switch {
		case e.Unicast:
			c.own.alone++
		case !e.Retained:
			c.own.received++
		}
	}
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *counter) counts() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own
}

// client is what a server says about it.
func (c *counter) client(info ServerInfo) *ClientInfo {
	for n := range info.Clients {
		if info.Clients[n].Name == c.name {
			return &info.Clients[n]
		}
	}
	return &ClientInfo{}
}

// truth is what a server's counters have to be.
type truth struct {
	*bed
	rnd     *rand.Rand
	server  *process
	clients []*counter
	joined  int // clients there have ever been

	sent, alone, received, refused int
	// Of clients that have left.
	delivered, dropped int
	// Of all servers, to see that the test has tested something.
	everSent, everDropped int
}

// TestInspectTellsTheTruth: the counters of a server are those of its clients
// together, whatever these do, at every moment and from another process.
// Clients stall, fall behind, leave and come; servers are killed and started
// again.
func TestInspectTellsTheTruth(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.patient()
		b.settings.LogMessages = sized(200, 4000)
		b.settings.BufferSize = 16
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = countedClients, countedClients
		b.comeBackWithin(time.Millisecond, 20*time.Millisecond)
		b.serve().Close() // fixes the port
		messages, lives := sized(20_000, 1_000_000), sized(3, 10)
		if b.transport == TCP {
			messages /= 4
		}
		v := &truth{bed: b, rnd: rand.New(rand.NewPCG(*restartsSeed, 7))}
		v.start()
		for range countedClients {
			v.join()
		}
		const rounds = 4
		for life := 1; ; life++ {
			for range rounds {
				v.round(messages / lives / rounds)
			}
			stats := b.inspect().Stats
			v.everSent, v.everDropped = v.everSent+int(stats.Sent), v.everDropped+int(stats.Dropped)
			if life == lives {
				break
			}
			v.server.kill() // all has been given, so nothing is lost
			v.wait(func(c counts) bool { return !c.connected })
			v.start()
		}
		v.server.end()
		t.Logf("%d messages from %d servers, %d missed", v.everSent, lives, v.everDropped)
		require.GreaterOrEqual(t, v.everSent, messages/lives/rounds*lives*rounds)
		if b.transport == Unix { // TCP has large buffers
			require.NotZero(t, v.everDropped, "nobody has fallen behind")
		}
	})
}

// start starts a server, which the clients find.
func (v *truth) start() {
	v.t.Helper()
	v.server = v.run("counted", nil)
	v.server.report(new(int))
	v.sent, v.alone, v.received, v.refused, v.delivered, v.dropped = 0, 0, 0, 0, 0, 0
	v.wait(func(c counts) bool { return c.connected })
	v.joinedAll()
}

// joinedAll waits until the server knows all clients, which may be later than
// they are connected on a busy machine.
func (v *truth) joinedAll() {
	v.t.Helper()
	v.await("all have joined", func(info ServerInfo) bool {
		named := 0
		for _, c := range v.clients {
			if c.client(info).Name != "" {
				named++
			}
		}
		return named == len(v.clients) && named == info.Stats.Clients
	})
}

// join adds a client.
func (v *truth) join() {
	v.t.Helper()
	v.joined++
	c := &counter{changed: make(chan struct{}, 1), name: fmt.Sprintf("counter %d", v.joined)}
	c.Client = v.dial(func(cfg *Config) { cfg.OnEvent, cfg.Settings.Name = c.take, c.name })
	v.clients = append(v.clients, c)
	v.wait(func(c counts) bool { return c.connected })
	v.joinedAll()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own.before, c.own.beforeAlone = v.sent, v.alone
}

// leave takes a client away, which has been given all.
func (v *truth) leave(n int) {
	v.t.Helper()
	c := v.clients[n]
	v.clients = append(v.clients[:n:n], v.clients[n+1:]...)
	v.delivered += c.counts().received
	v.dropped += c.counts().missed
	require.NoError(v.t, c.Close())
	v.await("the client is gone", func(info ServerInfo) bool { return info.Stats.Clients == len(v.clients) })
}

// round sends while some clients stall and others answer, then lets all catch
// up.
func (v *truth) round(messages int) {
	v.t.Helper()
	stalled := v.clients[:v.rnd.IntN(len(v.clients))]
	for _, c := range stalled {
		c.gate.Lock()
	}
	for left := messages; left > 0; {
		o := countedOrder{All: min(left, 1+v.rnd.IntN(messages/2)), Each: v.rnd.IntN(10)}
		left -= o.All
		v.server.order(o)
		for range v.rnd.IntN(100) {
			require.NoError(v.t, v.clients[v.rnd.IntN(len(v.clients))].Send(number(v.t, 1)))
			v.received++
		}
		if v.rnd.IntN(2) == 0 {
			_, err := v.tryDial() // it is not told why when its hello came late
			require.True(v.t, errors.Is(err, ErrMaxConnections) || errors.Is(err, ErrNotConnected), "%v", err)
			v.refused++
		}
		v.meanwhile(v.inspect())
		v.server.report(&v.sent)
		v.alone += o.Each
		info := v.inspect()
		require.EqualValues(v.t, v.sent, info.Stats.Sent)
		v.meanwhile(info)
	}
	for _, c := range stalled {
		c.gate.Unlock()
	}
	v.wait(func(c counts) bool { return c.received+c.missed == v.sent-c.before && c.alone == v.alone-c.beforeAlone })
	v.check()
	if v.rnd.IntN(2) == 0 {
		v.leave(v.rnd.IntN(len(v.clients)))
		v.join()
		v.check()
	}
}

// wait waits until something holds for all clients.
func (v *truth) wait(holds func(counts) bool) {
	v.t.Helper()
	for _, c := range v.clients {
		for ok := false; !ok; {
			if ok = holds(c.counts()); ok {
				continue
			}
			select {
			case <-c.changed:
			case <-v.ctx.Done():
				require.Fail(v.t, "waiting in vain", "%+v", c.counts())
			}
		}
	}
}

// await inspects until something holds that nothing else tells.
func (v *truth) await(what string, holds func(ServerInfo) bool) (info ServerInfo) {
	v.t.Helper()
	require.Eventually(v.t, func() bool {
		info = v.inspect()
		return holds(info)
	}, patience, time.Millisecond, what)
	return info
}

// meanwhile checks what has to be so at every moment: each message has been
// given to a client, or is lost to it, or waits for it.
func (v *truth) meanwhile(info ServerInfo) {
	v.t.Helper()
	require.Equal(v.t, StateLive, info.State)
	require.Len(v.t, info.Clients, len(v.clients))
	delivered, missed := uint64(v.delivered), uint64(v.dropped)
	for _, counter := range v.clients {
		c := counter.client(info)
		require.Equal(v.t, info.Stats.Sent-uint64(counter.counts().before), c.Delivered+c.Missed+c.Backlog)
		delivered += c.Delivered
		missed += c.Missed
	}
	require.Equal(v.t, info.Stats.Delivered, delivered)
	require.Equal(v.t, info.Stats.Dropped, missed)
	require.LessOrEqual(v.t, info.Stats.Received, uint64(v.received))
}

// check compares all counters with what the clients know, who have been given
// all.
func (v *truth) check() {
	v.t.Helper()
	info := v.await("all that the clients sent has been taken", func(info ServerInfo) bool {
		return info.Stats.Received == uint64(v.received)
	})
	delivered, dropped := v.delivered, v.dropped
	for _, c := range v.clients {
		own := c.counts()
		delivered += own.received
		dropped += own.missed
		got := c.client(info)
		require.Equal(v.t, []uint64{uint64(own.received), uint64(own.missed), 0}, []uint64{got.Delivered, got.Missed, got.Backlog})
		if v.transport == Unix {
			require.Equal(v.t, []int{os.Getpid(), os.Geteuid(), os.Getegid()}, []int{got.PID, got.UID, got.GID})
		}
	}
	require.Equal(v.t, v.server.cmd.Process.Pid, info.PID)
	want := ServerStats{
		Sent: uint64(v.sent), Delivered: uint64(delivered), Dropped: uint64(dropped),
		Received: uint64(v.received), Refused: uint64(v.refused),
		Clients: countedClients, MaxConnections: countedClients,
		LogMessages: min(v.sent, v.settings.LogMessages), LogMessagesLimit: v.settings.LogMessages,
		LogBytes: info.Stats.LogBytes, LogBytesLimit: v.settings.LogBytes,
		Retained: min((v.sent+9)/10, countedKeys), Epoch: info.Stats.Epoch, Seq: uint64(v.sent) + 1,
	}
	require.Equal(v.t, want, info.Stats)
	require.LessOrEqual(v.t, info.Stats.LogBytes, v.settings.LogBytes)
}
