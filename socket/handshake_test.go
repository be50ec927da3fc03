package socket

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listenOld listens as a process with the original module does: it reads what
// comes, and says nothing until it sends a message.
func listenOld(b *bed) net.Listener {
	b.t.Helper()
	if b.transport == Unix {
		return listenOldAt(b, filepath.Join(b.settings.SocketDir, "test.sock"))
	}
	return listenOldAt(b, "127.0.0.1:0")
}

func listenOldAt(b *bed, address string) net.Listener {
	b.t.Helper()
	l, err := net.Listen(string(b.transport), address)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { l.Close() })
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		b.settings.TCP.Port = a.Port
	}
	return l
}

func acceptOld(b *bed, l net.Listener) *oldPeer {
	b.t.Helper()
	conn, err := l.Accept()
	require.NoError(b.t, err)
	return newOldPeer(b.t, conn)
}

// readHello checks that the client's first frame is one that an old server
// logs and ignores: a map without the five keys.
func (p *oldPeer) readHello() *control {
	p.t.Helper()
	body, err := p.body()
	require.NoError(p.t, err)
	var m map[string]any
	require.NoError(p.t, Unmarshal(body, &m))
	for _, key := range []string{"event_name", "timestamp_ms", "timestamp_iso", "message_type", "data"} {
		require.NotContains(p.t, m, key)
	}
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	require.NoError(p.t, err)
	require.True(p.t, isControl)
	require.Equal(p.t, controlHello, ctl.kind)
	return &ctl
}

// control reads a control frame; any other fails the test.
func (p *oldPeer) control() *control {
	p.t.Helper()
	body, err := p.body()
	require.NoError(p.t, err)
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	require.NoError(p.t, err)
	require.True(p.t, isControl)
	return &ctl
}

func TestOldClientsOfANewServer(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		silent := b.dialOld(s)
		nextEvent(b, s, EventConnected)
		talking := b.dialOld(s)
		talking.send(number(t, 1), number(t, 2))
		e := nextEvent(b, s, EventMessage)
		require.Equal(t, 1, numberOf(t, e.Message()), "what it says at once is not lost")
		require.Equal(t, 2, numberOf(t, nextEvent(b, s, EventMessage).Message()))
		sendNumbers(t, s.Send, 1, 3)
		require.NoError(t, s.SendTo(e.Client, number(t, 4)))
		for n := 1; n <= 3; n++ {
			require.Equal(t, n, numberOf(t, silent.receive()))
			require.Equal(t, n, numberOf(t, talking.receive()))
		}
		require.Equal(t, 4, numberOf(t, talking.receive()))
		s.Close()
		for _, p := range []*oldPeer{silent, talking} {
			_, err := p.body()
			require.ErrorIs(t, err, io.EOF, "no goodbye, no zero-length frame: just the end")
		}
	})
}

// What is sent while nobody knows yet whether a peer is old must reach it.
func TestOldClientMissesNothingFromTheMomentItConnected(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		b.dial() // somebody is there, so nothing is queued
		old := b.dialOld(s)
		require.Eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.raws) == 2
		}, patience, time.Millisecond, "accepted, but not registered yet")
		sendNumbers(t, s.Send, 1, 3)
		for n := 1; n <= 3; n++ {
			require.Equal(t, n, numberOf(t, old.receive()))
		}
	})
}

func TestNewClientOfAnOldServer(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		l := listenOld(b)
		for range 2 { // it says nothing for a while; it speaks at once
			peers := make(chan *oldPeer, 1)
			go func() { peers <- acceptOld(b, l) }()
			c := b.dial()
			p := <-peers
			hello := p.readHello()
			require.Equal(t, 1, hello.version)
			p.send(number(t, 1), number(t, 2))
			e := nextEvent(b, c, EventConnected)
			require.Zero(t, e.Seq)
			receiveNumbers(b, c, 1, 2)
			require.NoError(t, c.Send(number(t, 3)))
			require.Equal(t, 3, numberOf(t, p.receive()))
			c.Close()
			_, err := p.body()
			require.ErrorIs(t, err, io.EOF, "no goodbye to an old server")
		}
	})
}

// An old server knows no filter: the client leaves out what it did not ask for.
func TestTypesOfAnOldServer(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	b.settings.Types = []MessageType{Error, Control}
	messages := make([]Message, 4)
	for i, typ := range []MessageType{Data, Error, Data, Control} {
		messages[i] = number(t, i+1)
		messages[i].Type = typ
	}
	go func() { acceptOld(b, l).send(messages...) }()
	c := b.dial()
	receiveNumbers(b, c, 2, 2)
	receiveNumbers(b, c, 4, 4)
}

func TestNewClientOfAnOldServerThatSpeaksAtOnce(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	go func() { acceptOld(b, l).send(number(t, 1)) }()
	receiveNumbers(b, b.dial(), 1, 1)
}

// An old server that is stopped in a living process sends no end of file: the
// client notices that the socket file went away, or is another one.
func TestOldServerThatStopsWithoutClosing(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	go func() { acceptOld(b, l).send(number(t, 1)) }()
	c := b.dial()
	receiveNumbers(b, c, 1, 1)
	require.NoError(t, os.Remove(filepath.Join(b.settings.SocketDir, "test.sock")))
	l.Close()
	s := b.serve()
	require.NoError(t, s.WaitClients(b.ctx, 1))
	sendNumbers(t, s.Send, 2, 2)
	receiveNumbers(b, c, 2, 2)
}

func TestHandshakeTellsBothSides(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		conn, err := net.Dial(string(b.transport), s.Address())
		require.NoError(t, err)
		p := newOldPeer(t, conn)
		hello := control{kind: controlHello, version: 1, name: "by hand", types: newTypeSet([]MessageType{Error})}
		p.write(hello.appendFrame(nil))
		welcome := p.control()
		require.Equal(t, controlWelcome, welcome.kind)
		require.Equal(t, 1, welcome.version)
		require.Equal(t, s.epoch, welcome.epoch)
		require.EqualValues(t, 1, welcome.seq)
		require.Equal(t, os.Getpid(), welcome.pid)
		require.EqualValues(t, b.settings.MaxMessageSize, welcome.maxMessageSize)
		require.Equal(t, controlSynced, p.control().kind)
		require.Equal(t, "by hand", s.Clients()[0].Name)
		require.NoError(t, s.Send(number(t, 1)))
		require.NoError(t, s.Send(Message{Type: Error}))
		seq := p.control()
		require.Equal(t, controlSeq, seq.kind)
		require.EqualValues(t, 2, seq.seq)
		require.Equal(t, Error, p.receive().Type)
		s.AnnounceRestart()
		go s.Close()
		bye := p.control()
		require.Equal(t, controlGoodbye, bye.kind)
		require.Equal(t, ReasonRestarting, bye.reason)
	})
}

// So does a hello that comes late, from a client on a busy machine.
func TestLateHello(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		p := b.dialOld(s)
		nextEvent(b, s, EventConnected) // taken for an old client
		require.NoError(t, s.Send(number(t, 1)))
		require.Equal(t, 1, numberOf(t, p.receive()))
		hello := control{kind: controlHello, version: 1, name: "late", types: newTypeSet([]MessageType{Error})}
		p.write(hello.appendFrame(nil))
		require.Equal(t, controlWelcome, p.control().kind)
		require.Equal(t, controlSynced, p.control().kind)
		require.Equal(t, "late", s.Clients()[0].Name)
		require.NoError(t, s.Send(number(t, 2)))
		require.NoError(t, s.Send(Message{Type: Error}))
		require.EqualValues(t, 3, p.control().seq)
		require.Equal(t, Error, p.receive().Type)
		go s.Close()
		require.Equal(t, controlGoodbye, p.control().kind)
	})
}

// A client that comes back late to the same server goes on where it was.
func TestLateHelloResumes(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	b.dial() // somebody is there, so nothing is queued
	nextEvent(b, s, EventConnected)
	sendNumbers(t, s.Send, 1, 5)
	p := b.dialOld(s)
	nextEvent(b, s, EventConnected)
	hello := control{kind: controlHello, version: 1, hasResume: true, epoch: s.epoch, seq: 3}
	p.write(hello.appendFrame(nil))
	require.EqualValues(t, 3, p.control().seq)
	for n := 3; n <= 5; n++ {
		require.Equal(t, n, numberOf(t, p.receive()))
	}
	require.Equal(t, controlSynced, p.control().kind)
}

// What it has, and was to be given as history, it is not given again.
func TestLateHelloResumesBehindTheHistory(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.HistorySize = 5
	s := b.serve(func(cfg *Config) { cfg.HoldClients = true })
	sendNumbers(t, s.Send, 1, 10)
	p := b.dialOld(s)
	require.NoError(t, s.WaitClients(b.ctx, 1)) // taken for an old client, and held
	hello := control{kind: controlHello, version: 1, hasResume: true, epoch: s.epoch, seq: 9}
	p.write(hello.appendFrame(nil))
	require.EqualValues(t, 9, p.control().seq)
	nextEvent(b, s, EventConnected) // lets it go
	for n := 9; n <= 10; n++ {
		require.Equal(t, n, numberOf(t, p.receive()))
	}
	require.Equal(t, controlSynced, p.control().kind)
}

// What is too late to be given is told.
func TestLateHelloAfterAMessageTellsWhatIsLost(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	b.dial()
	nextEvent(b, s, EventConnected)
	sendNumbers(t, s.Send, 1, 5)
	p := b.dialOld(s)
	nextEvent(b, s, EventConnected)
	sendNumbers(t, s.Send, 6, 6)
	require.Equal(t, 6, numberOf(t, p.receive()))
	hello := control{kind: controlHello, version: 1, hasResume: true, epoch: s.epoch, seq: 3}
	p.write(hello.appendFrame(nil))
	lagged := p.control()
	require.Equal(t, controlLagged, lagged.kind)
	require.EqualValues(t, []uint64{3, 3, 5}, []uint64{lagged.missed, lagged.from, lagged.to})
	require.EqualValues(t, 7, p.control().seq)
	require.Equal(t, controlSynced, p.control().kind)
}

// A client passes over a message that is too large for it, and keeps its
// connection. Only a broadcast has a number, which it is told to have missed.
func TestMessageTooLargeForTheClient(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		b.dial() // what the other client gets is live
		nextEvent(b, s, EventConnected)
		large := binaryMessage(100 << 10)
		large.RetainKey = "large"
		require.NoError(t, s.Send(large))
		small := number(t, 2)
		small.RetainKey = "small"
		require.NoError(t, s.Send(small))

		c := b.dial(func(cfg *Config) { cfg.Settings.MaxMessageSize = 1024 })
		id := nextEvent(b, s, EventConnected).Client
		sendNumbers(t, s.Send, 3, 3)
		require.NoError(t, s.SendTo(id, binaryMessage(100<<10)))
		sendNumbers(t, s.Send, 4, 4)
		require.NoError(t, s.Send(binaryMessage(100<<10)))
		sendNumbers(t, s.Send, 6, 6)

		var told []string
		for e, err := range c.Events(b.ctx) {
			require.NoError(t, err)
			switch e.Kind {
			case EventMessage:
				n := numberOf(t, e.Message())
				told = append(told, fmt.Sprint("message ", n))
				if !e.Retained {
					require.EqualValues(t, n, e.Seq)
				}
			case EventLagged:
				told = append(told, fmt.Sprint("missed ", e.Count, " from ", e.Seq))
			case EventDisconnected:
				told = append(told, fmt.Sprint("disconnected ", e.Reason))
			}
			if n := len(told); n > 0 && told[n-1] == "message 6" {
				break
			}
		}
		require.Equal(t, []string{"message 2", "message 3", "message 4", "missed 1 from 5", "message 6"}, told)
		require.Equal(t, 3, strings.Count(b.log.String(), "too large for this client"))
	})
}

// A welcome that comes late, from a server under load, still counts.
func TestLateWelcome(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	c := b.dial() // returns after welcomeWait
	p := acceptOld(b, l)
	p.readHello()
	welcome := control{kind: controlWelcome, version: 1, epoch: 9, seq: 41}
	p.write(welcome.appendFrame(nil))
	p.send(number(t, 1))
	require.EqualValues(t, 41, nextEvent(b, c, EventMessage).Seq)
}

// A server that holds the lock of its name is never taken for an old one: a
// client would miss what is sent before its welcome comes.
func TestServerThatHoldsTheLockIsWaitedFor(t *testing.T) {
	for _, row := range []struct {
		name   string
		holder int // in the lock file
		want   error
	}{
		{"who serves holds it", os.Getpid(), ErrTimeout},
		{"left by another process", os.Getpid() + 1, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t, Unix)
			if row.want != nil {
				b.settings.DefaultTimeout = welcomeWait + 50*time.Millisecond
			}
			lock := filepath.Join(b.settings.SocketDir, lockName("test"))
			require.NoError(t, os.WriteFile(lock, fmt.Append(nil, row.holder, "\n"), 0o600))
			listenOld(b)
			_, err := b.tryDial()
			require.ErrorIs(t, err, row.want)
		})
	}
}

// A peer over TCP that answers every ping stays; one that does not is dead.
// Either end finds out by itself.
func TestHeartbeatOfTheServer(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.Heartbeat = 150 * time.Millisecond
	s := b.serve()
	conn, err := net.Dial("tcp", s.Address())
	require.NoError(t, err)
	p := newOldPeer(t, conn)
	hello := control{kind: controlHello, version: 1}
	p.write(hello.appendFrame(nil))
	require.Equal(t, controlWelcome, p.control().kind)
	require.Equal(t, controlSynced, p.control().kind)
	for range silentAfter + 2 {
		require.Equal(t, controlPing, p.control().kind)
		p.write(pingFrame)
	}
	e := nextEvent(b, s, EventDisconnected)
	require.Equal(t, ReasonHeartbeat, e.Reason, e.Text)
}

// A client that the host has not let go yet is pinged all the same.
func TestHeartbeatOfAHeldClient(t *testing.T) {
	b := newBed(t, TCP)
	b.settings.TCP.Heartbeat = 150 * time.Millisecond
	s := b.serve(func(cfg *Config) { cfg.HoldClients = true })
	require.NoError(t, s.Send(number(t, 1)))
	p := b.dialOld(s)
	hello := control{kind: controlHello, version: 1}
	p.write(hello.appendFrame(nil))
	require.Equal(t, controlWelcome, p.control().kind)
	for range silentAfter + 2 {
		require.Equal(t, controlPing, p.control().kind)
		p.write(pingFrame)
	}
	nextEvent(b, s, EventConnected) // lets it go
	for {
		body, err := p.body()
		require.NoError(t, err)
		if !bytes.Equal(body, pingFrame[lengthSize:]) {
			require.Equal(t, 1, numberOf(t, p.message(body)))
			return
		}
	}
}

func TestHeartbeatOfTheClient(t *testing.T) {
	b := newBed(t, TCP)
	l := listenOld(b)
	c := b.dial(func(cfg *Config) { cfg.Settings.Reconnect = false })
	p := acceptOld(b, l)
	p.readHello()
	welcome := control{kind: controlWelcome, version: 1, epoch: 1, seq: 1, heartbeatMs: 150}
	p.write(welcome.appendFrame(nil))
	for range silentAfter + 2 {
		require.Equal(t, controlPing, p.control().kind)
		p.write(pingFrame)
	}
	e := nextEvent(b, c, EventDisconnected)
	require.Equal(t, ReasonHeartbeat, e.Reason, e.Text)
}

// TestMalformedFrames sends every malformed frame of the golden vectors to a
// server and to a client. The connection goes on where the original's did, and
// nobody else notices anything.
func TestMalformedFrames(t *testing.T) {
	raw, err := os.ReadFile("testdata/frames.json")
	require.NoError(t, err)
	var vectors struct {
		Malformed []struct {
			Name     string `json:"name"`
			Then     string `json:"then"`
			FrameHex string `json:"frame_hex"`
		} `json:"malformed"`
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.NotEmpty(t, vectors.Malformed)
	const marker = 4242
	for _, v := range vectors.Malformed {
		frame, err := hex.DecodeString(v.FrameHex)
		require.NoError(t, err)
		ends := v.Name == "zero_length" || v.Name == "huge_length_then_nothing" || v.Then == "peer closes" ||
			v.Name == "json_line_no_prefix" || v.Name == "http_get" // text read as a length is far beyond any bound
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel() // most of it is the moment after which a peer is an old one
			b := newBed(t, Unix)
			s := b.serve()
			healthy, bad := b.dial(), b.dialOld(s)
			nextEvent(b, s, EventConnected)
			nextEvent(b, s, EventConnected)
			bad.write(frame)
			if v.Then == "peer closes" {
				bad.conn.Close()
			}
			if ends {
				require.NotEqual(t, ReasonNone, nextEvent(b, s, EventDisconnected).Reason)
			} else {
				bad.send(number(t, marker))
				for {
					e := nextEvent(b, s, EventMessage)
					var v map[string]any
					if e.Message().Decode(&v) == nil && v["n"] != nil {
						break // the marker; the vectors carry {"v": ...}
					}
				}
			}
			require.NoError(t, s.Send(number(t, 1)))
			receiveNumbers(b, healthy, 1, 1)
			healthy.Close() // it would come back to the next server
			s.Close()

			l := listenOld(b)
			c := b.dial(func(cfg *Config) { cfg.Settings.Reconnect = false })
			p := acceptOld(b, l)
			p.readHello()
			p.write(frame)
			if v.Then == "peer closes" {
				p.conn.Close()
			}
			if ends {
				nextEvent(b, c, EventDisconnected)
				return
			}
			p.send(number(t, marker))
			for {
				m, err := c.Receive(b.ctx)
				require.NoError(t, err)
				var v map[string]any
				if m.Decode(&v) == nil && v["n"] != nil {
					return
				}
			}
		})
	}
}

func TestPeerWhoseFirstFrameIsAnInsultIsNoClient(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	bad := b.dialOld(s)
	bad.write([]byte{0, 0, 0, 0})
	_, err := bad.body()
	require.Error(t, err)
	b.dial()
	require.Len(t, s.Clients(), 1)
	require.EqualValues(t, 1, s.Stats().Refused)
}

func TestConnectionClosedAtOnce(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrNotConnected)
}

func TestDialGivesUpAfterDefaultTimeout(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.DefaultTimeout = 20 * time.Millisecond // below welcomeWait: the server is not given up as old
	listenOld(b)
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorContains(t, err, "default_timeout")
}

// What ends a Dial is told as what it is.
func TestDialErrors(t *testing.T) {
	t.Run("the context before default_timeout", func(t *testing.T) {
		b := newBed(t, Unix)
		listenOld(b)
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Millisecond) // below welcomeWait
		defer cancel()
		_, err := Dial(ctx, Unix, "test", Config{Settings: &b.settings})
		require.Equal(t, context.DeadlineExceeded, err)
	})
	t.Run("a server that speaks another protocol", func(t *testing.T) {
		b := newBed(t, TCP)
		l := listenOld(b)
		go func() { acceptOld(b, l).write([]byte("HTTP/1.1 400 Bad Request")) }()
		_, err := b.tryDial()
		require.ErrorIs(t, err, ErrProtocol)
		require.NotErrorIs(t, err, ErrTooLarge, "an error is of one kind")
	})
}

// Log lines wait for a host that cannot take them yet: Dial does not.
func TestDialWithASmallInboxFullOfLogLines(t *testing.T) {
	b := newBed(t, Unix)
	b.serve()
	b.settings.BufferSize = 1
	b.settings.LogLevel = slog.LevelWarn
	b.settings.Warnings = []string{"one", "two", "three"}
	c := b.dial(func(cfg *Config) { cfg.Logger = nil })
	nextEvent(b, c, EventConnected)
}
