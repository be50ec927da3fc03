package socket

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func (b *bed) tryInspect(changes ...func(*Settings)) (ServerInfo, error) {
	settings := b.settings
	for _, change := range changes {
		change(&settings)
	}
	return Inspect(b.ctx, b.transport, "test", Config{Settings: &settings})
}

func (b *bed) inspect(changes ...func(*Settings)) ServerInfo {
	b.t.Helper()
	info, err := b.tryInspect(changes...)
	require.NoError(b.t, err)
	return info
}

// An inspection tells what Stats and Clients tell, and changes nothing.
func TestInspect(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve(func(cfg *Config) {
			cfg.Settings.LogMessages = 1000
			cfg.Settings.AllowClientSend = false
		})
		nobody := b.inspect()
		require.Equal(t, StateLive, nobody.State)
		require.Empty(t, nobody.Clients)
		sendNumbers(t, s.Send, 1, 3)
		require.Equal(t, 3, b.inspect().Stats.Queued)

		one := b.dial(func(cfg *Config) { cfg.Settings.Name = "one" })
		b.dial(func(cfg *Config) { cfg.Settings.Name, cfg.Settings.BufferSize = "two", 1 })
		receiveNumbers(b, one, 1, 3) // a refusal does not wait for them
		require.NoError(t, one.Send(number(t, 1)))
		require.Equal(t, ReasonNotAllowed, nextEvent(b, one, EventRefused).Reason)
		m := number(t, 4)
		m.RetainKey = "key"
		require.NoError(t, s.Send(m))
		receiveNumbers(b, one, 4, 4)
		require.Eventually(t, func() bool { return s.Stats().Delivered == 5 }, patience, time.Millisecond)

		info := b.inspect()
		require.Equal(t, s.Stats(), info.Stats)
		require.Equal(t, s.Clients(), info.Clients)
		require.Equal(t, ServerStats{
			Sent: 4, Delivered: 5, Refused: 1, Clients: 2, MaxConnections: 10, LogMessages: 4, LogMessagesLimit: 1000,
			LogBytes: chunkSize, LogBytesLimit: b.settings.LogBytes, Retained: 1, Epoch: s.epoch, Seq: 5,
		}, info.Stats)
		require.Equal(t, "one", info.Clients[0].Name)
		require.EqualValues(t, 4, info.Clients[0].Delivered)
		require.EqualValues(t, 1, info.Clients[1].Delivered, "it came after the first three")
		require.Equal(t, "test", info.Event)
		require.Equal(t, b.transport, info.Transport)
		require.Equal(t, s.Address(), info.Address)
		require.Equal(t, os.Getpid(), info.PID)
		require.Equal(t, Version, info.Library)
		require.Less(t, info.Uptime, patience)
		require.Eventually(t, func() bool { return b.inspect().Uptime > 0 }, patience, time.Millisecond)
		if b.transport == Unix {
			require.Equal(t, os.Geteuid(), info.UID)
			require.Equal(t, os.Getpid(), info.Clients[0].PID)
		} else {
			require.Equal(t, -1, info.UID)
			require.Equal(t, -1, info.Clients[0].UID)
		}

		s.Close()
		kinds := map[EventKind]int{}
		for e, err := range s.Events(b.ctx) {
			require.NoError(t, err)
			kinds[e.Kind]++
		}
		require.Equal(t, 2, kinds[EventConnected], "the host is not told of inspections")
		_, err := b.tryInspect()
		require.ErrorIs(t, err, ErrNoServer)
	})
}

// The numbers of a client that has stopped taking are right at every moment,
// also those it has not been told.
func TestInspectAClientThatIsBehind(t *testing.T) {
	for _, policy := range []SlowClient{SlowDropOldest, SlowLatest} {
		t.Run(string(policy), func(t *testing.T) {
			b := newBed(t, Unix)
			b.settings.LogMessages = 100
			b.settings.SlowClient = policy
			s := b.serve()
			stall(b)
			for n := 1; n <= 20000; n++ {
				require.NoError(t, s.Send(number(t, n)))
				if n%1000 != 0 {
					continue
				}
				info := b.inspect()
				require.EqualValues(t, n, info.Stats.Sent)
				c := info.Clients[0]
				require.EqualValues(t, n, c.Delivered+c.Missed+c.Backlog)
				require.LessOrEqual(t, c.Backlog, uint64(100))
				require.Equal(t, info.Stats.Delivered, c.Delivered)
				require.Equal(t, info.Stats.Dropped, c.Missed)
			}
			require.NotZero(t, b.inspect().Stats.Dropped)
		})
	}
}

// A server that takes no more clients is one that somebody wants to look at.
func TestInspectAFullServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1, 1
		b.serve()
		b.dial()
		_, err := b.tryDial()
		require.ErrorIs(t, err, ErrMaxConnections)
		info := b.inspect()
		require.Equal(t, []int{1, 1}, []int{info.Stats.Clients, info.Stats.MaxConnections})
		require.EqualValues(t, 1, info.Stats.Refused)
	})
}

// Who is late at a full server is no old client that is sent away without a
// word.
func TestLatePeersOfAFullServer(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.Unix.MaxConnections, b.settings.TCP.MaxConnections = 1, 1
		s := b.serve()
		b.dial()
		late := func(kind controlKind) *control {
			heard := strings.Count(b.log.String(), "is given more time")
			p := b.dialOld(s)
			require.Eventually(t, func() bool {
				return strings.Count(b.log.String(), "is given more time") > heard
			}, patience, time.Millisecond)
			p.write((&control{kind: kind, version: wireVersion}).appendFrame(nil))
			return p.control()
		}
		require.Equal(t, controlInfo, late(controlInspect).kind)
		require.Zero(t, s.Stats().Refused)
		require.Equal(t, ReasonMaxConnections, late(controlHello).reason)
		require.EqualValues(t, 1, s.Stats().Refused)
		_, err := b.dialOld(s).body()
		require.Error(t, err)
		require.EqualValues(t, 2, s.Stats().Refused)
	})
}

// So is one whose host has stopped taking events. It gets no more clients, and
// so many may wait; then nobody is heard until the host goes on.
func TestInspectAServerWhoseHostIsStuck(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve(func(cfg *Config) { cfg.Settings.BufferSize = 1 })
		b.dial()
		waiting := b.dialOld(s)
		require.Eventually(t, func() bool { return s.lobby.waiting() == 1 }, patience, time.Millisecond)
		require.Equal(t, 1, b.inspect().Stats.Clients)

		leave := crowd(b, s, maxUnadmitted) // so many more wait
		b.dialOld(s).conn.Close()           // the accept loop is past its look at them
		hasty := b.inspect(func(s *Settings) { s.DefaultTimeout = welcomeWait })
		require.NotEqual(t, StateLive, hasty.State)
		nextEvent(b, s, EventFirstClient)
		require.Eventually(t, func() bool { return b.inspect().State == StateLive }, patience, time.Millisecond)
		leave()
		require.NoError(t, s.WaitClients(b.ctx, 2))
		waiting.conn.Close()
	})
}

// crowd puts connections into the lobby that wait there until leave is called.
func crowd(b *bed, s *Server, n int) (leave func()) {
	b.t.Helper()
	visitors := make([]*visitor, n)
	for i := range visitors {
		conn, peer := net.Pipe()
		peer.Close()
		visitors[i] = s.lobby.enter(b.ctx, conn)
		require.NotNil(b.t, visitors[i])
	}
	return func() {
		for _, v := range visitors {
			v.leave()
		}
	}
}

func TestInspectionsAreBounded(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		s.inspections.Store(maxInspections)
		_, err := b.tryInspect()
		require.ErrorIs(t, err, ErrMaxConnections)
		require.ErrorContains(t, err, "answers 16 inspections already")
		s.inspections.Add(-1)
		require.Eventually(t, func() bool { return s.inspections.Load() == maxInspections-1 }, patience, time.Millisecond)
		require.EqualValues(t, 1, b.inspect().Stats.Refused)
	})
}

// The bytes on the wire, from somebody who writes them by hand: the answer is
// one frame, and then the connection ends.
func TestInspectByHand(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		p := b.dialOld(s)
		p.write((&control{kind: controlInspect, version: 9}).appendFrame(nil))
		answer := p.control()
		require.Equal(t, controlInfo, answer.kind)
		require.Equal(t, wireVersion, answer.version)
		require.Equal(t, s.epoch, answer.info.Stats.Epoch)
		_, err := p.body()
		require.ErrorIs(t, err, io.EOF)
		require.Zero(t, s.Stats().Refused)
	})
}

// A question that comes so late that its asker was taken for an old client is
// answered too, and what the asker was given waits again.
func TestInspectThatComesLate(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		sendNumbers(t, s.Send, 1, 3)
		p := b.dialOld(s)
		nextEvent(b, s, EventConnected)
		for n := 1; n <= 3; n++ {
			require.Equal(t, n, numberOf(t, p.receive()))
		}
		question := (&control{kind: controlInspect, version: 1}).appendFrame(nil)
		p.write(append(question, question...))
		info := p.control().info
		require.Zero(t, info.Stats.Clients)
		require.Empty(t, info.Clients)
		p.send(number(t, 1))
		nextEvent(b, s, EventMessage) // the second question has been read
		p.conn.Close()
		nextEvent(b, s, EventDisconnected)
		require.Equal(t, 3, s.QueueLen())
		receiveNumbers(b, b.dial(), 1, 3)
	})
}

// A late asker that stays is no client all the same: the queue is for the first
// one that there is, and nobody else has what that one was given.
func TestQueueBesideALateInspection(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		sendNumbers(t, s.Send, 1, 3)
		p := b.dialOld(s)
		for n := 1; n <= 3; n++ {
			require.Equal(t, n, numberOf(t, p.receive()))
		}
		p.write((&control{kind: controlInspect, version: 1}).appendFrame(nil))
		require.Equal(t, 3, p.control().info.Stats.Queued)
		require.Equal(t, 3, s.QueueLen())
		ended, cancel := context.WithCancel(b.ctx)
		cancel()
		require.ErrorIs(t, s.WaitClients(ended, 1), context.Canceled)

		c := b.dial()
		receiveNumbers(b, c, 1, 3)
		require.Zero(t, s.QueueLen())
		sendNumbers(t, s.Send, 4, 5)
		receiveNumbers(b, c, 4, 5)
		require.NoError(t, c.Close())
		nextEvent(b, s, EventDisconnected)
		sendNumbers(t, s.Send, 6, 7)
		require.Equal(t, 2, s.QueueLen())
		p.conn.Close()
		nextEvent(b, s, EventDisconnected)
		require.Equal(t, 2, s.QueueLen())
		receiveNumbers(b, b.dial(), 6, 7)
	})
}

// Who has asked how the server is does not become a client that nobody sees.
func TestHelloBehindALateInspection(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		p := b.dialOld(s)
		nextEvent(b, s, EventConnected)
		p.write((&control{kind: controlInspect, version: 1}).appendFrame(nil))
		require.NotNil(t, p.control().info)
		p.write((&control{kind: controlHello, version: 1}).appendFrame(nil))
		p.send(number(t, 1))
		nextEvent(b, s, EventMessage) // the hello has been read
		require.NoError(t, s.Send(number(t, 2)))
		require.Equal(t, 2, numberOf(t, p.receive()), "and not a welcome")
	})
}

// What a server says to one that it takes for a client comes before the
// answer, and does not count as one.
func TestInspectAnswerBehindMessages(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		l := listenOld(b)
		if b.transport == Unix { // a new server has a lock
			writeLock(b, os.Getpid())
		}
		go func() { // ends with the connection
			p := acceptOld(b, l)
			_, _ = p.body()
			p.send(number(t, 1))
			p.write([]byte{0, 0, 0, 1, 0x01}) // malformed
			p.write(pingFrame)
			answer := control{kind: controlInfo, version: 1, info: &ServerInfo{Event: "test", PID: 7}}
			p.write(answer.appendFrame(nil))
		}()
		info := b.inspect()
		require.Equal(t, []any{StateLive, 7}, []any{info.State, info.PID})
	})
}

func writeLock(b *bed, pid int) {
	b.t.Helper()
	path := filepath.Join(b.settings.SocketDir, lockName("test"))
	require.NoError(b.t, os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o600))
}

// An old server is found out by its silence, whatever it says to clients
// meanwhile.
func TestInspectAnOldServer(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		l := listenOld(b)
		go func() { // ends with the listener
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { // ends with the connection
					defer conn.Close()
					p := &oldPeer{t, conn}
					enc := newEncoder("test", time.UTC, 1<<20)
					m := number(t, 1)
					frame, _ := enc.appendFrame(nil, &m, extraNone)
					_, _ = conn.Write(frame)
					_, _ = io.Copy(io.Discard, p.conn)
				}()
			}
		}()
		check := func() {
			t.Helper()
			info := b.inspect()
			require.Equal(t, StateOld, info.State)
			require.Equal(t, "test", info.Event)
			require.Equal(t, l.Addr().String(), info.Address)
			if b.transport == Unix {
				require.Equal(t, []int{os.Getpid(), os.Geteuid()}, []int{info.PID, info.UID})
			}
			require.Equal(t, ServerStats{}, info.Stats)
		}
		check()
		if b.transport == Unix {
			writeLock(b, 1<<22+1) // left from a new server that was killed
			check()
		}
	})
}

// A new server whose lock file was cleaned away is asked like any other.
func TestInspectAServerWithoutItsLockFile(t *testing.T) {
	b := newBed(t, Unix)
	b.serve()
	b.removeFile("test.lock")
	require.Equal(t, StateLive, b.inspect().State)
	require.Equal(t, []string{"test live"}, b.states())
}

// Of a server that has to know a token, silence does not make an old one.
func TestInspectASilentServerWithToken(t *testing.T) {
	b := newBed(t, TCP)
	listenOld(b)
	b.settings.TCP.TokenFile = filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(b.settings.TCP.TokenFile, []byte("correct horse battery staple\n"), 0o600))
	info := b.inspect(func(s *Settings) { s.DefaultTimeout = 50 * time.Millisecond })
	require.Equal(t, StateSilent, info.State)
}

// What listens and closes every connection at once has no state that could be
// told.
func TestInspectAServerThatHangsUp(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		l := listenOld(b)
		if b.transport == Unix {
			writeLock(b, os.Getpid())
		}
		hungUp := make(chan int, 1)
		go func() { // ends with the listener
			for n := 0; ; n++ {
				conn, err := l.Accept()
				if err != nil {
					hungUp <- n
					return
				}
				conn.Close()
			}
		}()
		_, err := b.tryInspect()
		require.ErrorIs(t, err, ErrNotConnected)
		l.Close()
		require.Equal(t, inspectAttempts, <-hungUp)
	})
}

func TestInspectWhatSpeaksSomethingElse(t *testing.T) {
	b := newBed(t, TCP)
	l := listenOld(b)
	go func() { // ends with the connection
		conn, err := l.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	_, err := b.tryInspect(func(s *Settings) { s.MaxMessageSize = 1 << 20 })
	require.ErrorIs(t, err, ErrProtocol)
}

func TestInspectErrors(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.serve().Close() // fixes a port
		_, err := b.tryInspect()
		require.ErrorIs(t, err, ErrNoServer)
		_, err = Inspect(b.ctx, b.transport, "no name", Config{Settings: &b.settings})
		require.ErrorIs(t, err, ErrInvalid)
		_, err = Inspect(b.ctx, "pigeon", "test", Config{Settings: &b.settings})
		require.ErrorIs(t, err, ErrInvalid)
		broken := b.settings
		broken.BufferSize = 0
		_, err = Inspect(b.ctx, b.transport, "test", Config{Settings: &broken})
		require.ErrorIs(t, err, ErrSettings)
		ended, cancel := context.WithCancel(b.ctx)
		cancel()
		_, err = Inspect(ended, b.transport, "test", Config{Settings: &b.settings})
		require.ErrorIs(t, err, context.Canceled)
	})
	b := newBed(t, TCP)
	_, err := b.tryInspect()
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "Port must be provided")
}

// The caller's context ends the wait for an answer.
func TestInspectUntilCancelled(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	writeLock(b, os.Getpid())
	ctx, cancel := context.WithCancel(b.ctx)
	go func() { // ends with the inspection
		acceptOld(b, l).readInspect()
		cancel()
	}()
	_, err := Inspect(ctx, Unix, "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, context.Canceled)
}

func (p *oldPeer) readInspect() {
	if body, err := p.body(); err == nil && parseControl(p.t, body).kind != controlInspect {
		p.t.Error("not an inspection")
	}
}

// hangUp is a connection whose peer is told of CloseWrite.
type hangUp struct {
	net.Conn
	told chan struct{}
}

func (c hangUp) CloseWrite() error { close(c.told); return nil }

// An old server whose client just goes may send to it before it has noticed,
// which brings it to a standstill. It is told first.
func TestInspectLeavesAnOldServerInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		conn := hangUp{ours, make(chan struct{})}
		started := time.Now()
		done := make(chan struct{})
		go func() { // ends when the connection does
			defer close(done)
			defer theirs.Close()
			<-conn.told
			_, err := theirs.Write([]byte("a message meanwhile"))
			require.NoError(t, err)
		}()
		leave(newRawConn(conn))
		require.Zero(t, time.Since(started), "it does not wait longer than it has to")
		ours.Close()
		<-done

		ours, theirs = net.Pipe()
		leave(newRawConn(hangUp{ours, make(chan struct{})}))
		require.Equal(t, silence, time.Since(started), "nor for ever")
		ours.Close()
		theirs.Close()
	})
}

// An answer has at most maxInfo bytes, and says how many clients there are.
func TestInfoIsBounded(t *testing.T) {
	const total = 20000
	info := ServerInfo{Event: "test", Address: "/sockets/test.sock", Stats: ServerStats{Clients: total}}
	for n := range total {
		info.Clients = append(info.Clients, ClientInfo{ID: ClientID(n + 1), Address: info.Address, Name: "viewer", PID: n})
	}
	body := (&control{kind: controlInfo, version: 1, info: &info}).appendFrame(nil)[lengthSize:]
	require.LessOrEqual(t, len(body), maxInfo)
	read := parseControl(t, body).info
	require.Equal(t, total, read.Stats.Clients)
	require.Equal(t, info.Clients[:len(read.Clients)], read.Clients)
	require.Greater(t, len(body), maxInfo-200, "as many as go in")
	require.Greater(t, len(read.Clients), 8000)

	// Of one that is longer all the same, nothing is read.
	long := slices.Concat([]byte{0x82}, []byte("\xa9libsocket\xa4info\xa4text"), appendText(nil, make([]byte, maxInfo)))
	_, err := parseBody(long, new(envelope), new(control), nil)
	require.ErrorIs(t, err, ErrBadMessage)
	require.ErrorContains(t, err, fmt.Sprintf("more than %d", maxInfo))
}

func TestInfoMap(t *testing.T) {
	info := ServerInfo{
		State: StateOld, Event: "test", Transport: Unix, Address: "/sockets/test.sock", PID: 7, UID: 1000,
		Library: Version, Uptime: 1500 * time.Millisecond,
		Stats: ServerStats{Sent: 3}, Clients: []ClientInfo{{ID: 1, UID: -1, Name: "viewer", Backlog: 2}},
	}
	known := map[string]any{
		"state": "old", "event": "test", "transport": "unix", "address": "/sockets/test.sock", "pid": 7, "uid": 1000,
	}
	require.Equal(t, known, info.Map())
	info.State = StateLive
	known["state"], known["library"], known["uptime_ms"] = "live", Version, int64(1500)
	known["stats"] = info.Stats.Map()
	known["clients"] = []map[string]any{{
		"client": uint64(1), "connected_at_ms": int64(0), "pid": 0, "uid": -1, "gid": 0, "address": "", "name": "viewer",
		"delivered": uint64(0), "missed": uint64(0), "backlog": uint64(2),
	}}
	require.Equal(t, known, info.Map())
	require.EqualValues(t, 3, info.Stats.Map()["sent"])
	_, err := Marshal(info.Map())
	require.NoError(t, err)
}
