package socket

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain fails the run when a goroutine of the package outlives the tests.
// In a process that a test started it is the program to run.
func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		os.Exit(runProgram(name))
	}
	code := m.Run()
	if leaked := leakedGoroutines(); code == 0 && leaked != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left after all tests:\n\n%s\n", leaked)
		code = 1
	}
	os.Exit(code)
}

// leakedGoroutines gives those that end a moment to do so.
func leakedGoroutines() (leaked string) {
	for wait := time.Millisecond; wait < 5*time.Second; wait *= 2 {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for _, stack := range strings.Split(string(buf), "\n\n") {
			if strings.Contains(stack, "libsocket/socket.") && !strings.Contains(stack, "socket.TestMain(") {
				left = append(left, stack)
			}
		}
		if leaked = strings.Join(left, "\n\n"); leaked == "" {
			return ""
		}
		time.Sleep(wait) // nothing tells when a goroutine is gone
	}
	return leaked
}

// patience is how long a test waits for what must happen; a test that passes
// never waits so long.
const patience = 30 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// bed is where a test runs: a transport, and settings with a directory of its
// own. change alters the settings of everything opened afterwards.
type bed struct {
	t         testing.TB
	ctx       context.Context
	transport Transport
	settings  Settings
	log       *syncBuffer
}

func newBed(t testing.TB, transport Transport) *bed {
	s := *DefaultSettings()
	s.SocketDir = t.TempDir()
	// Another run of the tests on this machine has other ports: a client
	// that comes back must not find the server of someone else.
	s.TCP.PortRangeStart = 20000 + os.Getpid()%100*100
	s.TCP.PortRangeEnd = s.TCP.PortRangeStart + 99
	return &bed{t: t, ctx: testContext(t), transport: transport, settings: s, log: &syncBuffer{}}
}

// comeBackWithin has clients come back after delays within these bounds.
func (b *bed) comeBackWithin(min, max time.Duration) {
	b.settings.TCP.ReconnectMin, b.settings.TCP.ReconnectMax = min, max
	b.settings.Unix.ReconnectMin, b.settings.Unix.ReconnectMax = min, max
}

// eachTransport runs a test on every transport, and over TCP also with all
// that protects it.
func eachTransport(t *testing.T, f func(t *testing.T, b *bed)) {
	eachPlainTransport(t, f)
	t.Run("tls", func(t *testing.T) {
		b := newBed(t, TCP)
		b.secure()
		f(t, b)
	})
}

// eachPlainTransport runs a test in which there are old peers, or peers by
// hand.
func eachPlainTransport(t *testing.T, f func(t *testing.T, b *bed)) {
	for _, transport := range []Transport{Unix, TCP} {
		t.Run(string(transport), func(t *testing.T) { f(t, newBed(t, transport)) })
	}
}

// serve opens a server of the event "test" that keeps its events. Clients
// that the bed dials afterwards find it, also over TCP.
func (b *bed) serve(changes ...func(*Config)) *Server {
	b.t.Helper()
	settings := b.settings
	cfg := Config{Settings: &settings, KeepEvents: true, Logger: b.logger()}
	for _, change := range changes {
		change(&cfg)
	}
	s, err := Listen(b.ctx, b.transport, "test", cfg)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { s.Close() })
	b.settings.TCP.Port = s.Port()
	if b.transport == Unix {
		b.settings.TCP.Port = -1
	}
	return s
}

func (b *bed) dial(changes ...func(*Config)) *Client {
	b.t.Helper()
	c, err := b.tryDial(changes...)
	require.NoError(b.t, err)
	return c
}

func (b *bed) tryDial(changes ...func(*Config)) (*Client, error) {
	settings := b.settings
	cfg := Config{Settings: &settings, Logger: b.logger()}
	for _, change := range changes {
		change(&cfg)
	}
	c, err := Dial(b.ctx, b.transport, "test", cfg)
	if err == nil {
		b.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func (b *bed) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// dialOld connects as a process with the original module does: it says
// nothing.
func (b *bed) dialOld(s *Server) *oldPeer {
	b.t.Helper()
	conn, err := net.Dial(string(b.transport), s.Address())
	require.NoError(b.t, err)
	return newOldPeer(b.t, conn)
}

// oldPeer speaks the original's protocol and nothing else.
type oldPeer struct {
	t    testing.TB
	conn net.Conn
}

func newOldPeer(t testing.TB, conn net.Conn) *oldPeer {
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return &oldPeer{t, conn}
}

// body reads one frame.
func (p *oldPeer) body() ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(p.conn, length[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(p.conn, body)
	return body, err
}

// receive reads a message; a frame that is none fails the test.
func (p *oldPeer) receive() Message {
	p.t.Helper()
	body, err := p.body()
	require.NoError(p.t, err)
	return p.message(body)
}

func (p *oldPeer) message(body []byte) Message {
	p.t.Helper()
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	require.NoError(p.t, err)
	require.False(p.t, isControl, "an old peer was sent a %s frame", ctl.kind)
	e := Event{Type: env.messageType, TimestampMs: env.timestampMs, TimestampISO: env.timestampISO, EventName: env.eventName, Data: env.data}
	return e.Message()
}

func (p *oldPeer) send(messages ...Message) {
	p.t.Helper()
	enc := newEncoder("test", time.UTC, 1<<30)
	var out []byte
	for i := range messages {
		var err error
		out, err = enc.appendFrame(out, &messages[i], extraNone)
		require.NoError(p.t, err)
	}
	p.write(out)
}

func (p *oldPeer) write(b []byte) {
	p.t.Helper()
	_, err := p.conn.Write(b)
	require.NoError(p.t, err)
}

// number makes a DATA message {"n": n}; numberOf reads it.
func number(t testing.TB, n int) Message {
	t.Helper()
	m, err := NewMessage(Data, map[string]int{"n": n})
	require.NoError(t, err)
	return m
}

func numberOf(t testing.TB, m Message) int {
	t.Helper()
	var v map[string]int
	require.NoError(t, m.Decode(&v))
	require.Contains(t, v, "n")
	return v["n"]
}

func sendNumbers(t testing.TB, send func(Message) error, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		require.NoError(t, send(number(t, n)))
	}
}

// receiveNumbers checks that the next messages are from, from+1, ... to.
func receiveNumbers(b *bed, c *Client, from, to int) {
	b.t.Helper()
	for n := from; n <= to; n++ {
		m, err := c.Receive(b.ctx)
		require.NoError(b.t, err, "waiting for message %d", n)
		require.Equal(b.t, n, numberOf(b.t, m))
	}
}

// nextEvent waits for the next event of that kind and passes over others.
func nextEvent(b *bed, from interface {
	ReceiveBatch(context.Context, *Batch, int) error
}, kind EventKind) *Event {
	b.t.Helper()
	var batch Batch
	for {
		require.NoError(b.t, from.ReceiveBatch(b.ctx, &batch, 1), "waiting for event %d", kind)
		if e := batch.Events[0]; e.Kind == kind {
			e.EventName, e.TimestampISO, e.Data = bytes.Clone(e.EventName), bytes.Clone(e.TimestampISO), bytes.Clone(e.Data)
			batch.Release()
			return &e
		}
	}
}

// syncBuffer is a log that a test can read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// appendFrame appends the frame of a message.
func (e *encoder) appendFrame(dst []byte, m *Message, extra frameExtra) ([]byte, error) {
	var d draft
	if err := e.draft(&d, m, extra); err != nil {
		return dst, err
	}
	defer d.release()
	return d.appendFrame(dst), nil
}

// draftOf is a draft that becomes the frame, whose body has five keys.
func draftOf(frame []byte) *draft { return &draft{start: frame} }
