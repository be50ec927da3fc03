//go:build linux && !386 && !s390x

package socket

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// never is when spinPair has nothing done, and its clock stands still.
const never = -1

// spinPair is a connection whose end a has read a byte, so that it may spin for
// 50 µs. The rest with the number on does what is asked for; with 0, each
// takes 10 µs. rests counts them.
func spinPair(t *testing.T, on int, do func(p rawPair)) (p rawPair, soon func([]byte) (int, error), rests *int) {
	s := transportSettings(t.TempDir())
	a, b := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	p, rests = rawPair{newRawConn(a), newRawConn(b)}, new(int)
	soon = p.a.spinning(50*time.Microsecond, false)
	require.NotNil(t, soon)
	spinner, clock := p.a.io.(*direct).spinner, time.Now()
	spinner.now = func() time.Time { return clock }
	spinner.rest = func() {
		if *rests++; *rests == on {
			do(p)
		}
		if *rests > 1000 {
			t.Fatal("it goes on and on")
		}
		if on == 0 {
			clock = clock.Add(10 * time.Microsecond)
		}
	}
	say(t, p.b, "x")
	n, err := p.a.Read(make([]byte, 1))
	require.Equal(t, 1, n)
	require.NoError(t, err)
	return p, soon, rests
}

func say(t *testing.T, c *rawConn, words string) {
	_, err := c.Write([]byte(words))
	require.NoError(t, err)
}

// TestSpinIsOff: by default nobody looks twice. TestRoundTripCalls counts the
// calls.
func TestSpinIsOff(t *testing.T) {
	s := transportSettings(t.TempDir())
	require.Zero(t, s.Spin)
	a, _ := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	raw := newRawConn(a)
	require.Nil(t, raw.spinning(s.Spin, false))
	require.Nil(t, raw.io.(*direct).spinner)
	require.False(t, raw.io.(*direct).spinner.begin())
}

// TestSpinEndsAtItsBound, and there is no second one for a peer that says
// nothing.
func TestSpinEndsAtItsBound(t *testing.T) {
	p, soon, rests := spinPair(t, 0, nil)
	buf := make([]byte, 10)
	for range 3 {
		n, err := soon(buf)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, 5, *rests)
	}
	say(t, p.b, "again")
	n, err := soon(buf)
	require.NoError(t, err)
	require.Zero(t, n, "nothing had come since the last spin")
	n, err = p.a.Read(buf)
	require.NoError(t, err)
	require.Equal(t, 5, n)
	_, err = soon(buf)
	require.NoError(t, err)
	require.Equal(t, 10, *rests, "another time")
	require.Zero(t, spinners.Load())
}

// TestSpinReads what comes meanwhile, and may then spin again.
func TestSpinReads(t *testing.T) {
	p, soon, rests := spinPair(t, 3, func(p rawPair) { say(t, p.b, "here") })
	buf := make([]byte, 10)
	n, err := soon(buf)
	require.NoError(t, err)
	require.Equal(t, "here", string(buf[:n]))
	require.Equal(t, 3, *rests)
	say(t, p.b, "there")
	n, err = soon(buf)
	require.NoError(t, err)
	require.Equal(t, "there", string(buf[:n]), "it was there at the first look")
	require.Equal(t, 3, *rests)
	require.Zero(t, spinners.Load())
}

// TestSpinIsEnded, at once, by whatever ends a wait: its clock stands still.
func TestSpinIsEnded(t *testing.T) {
	for _, tc := range []struct {
		name string
		by   func(p rawPair)
		want error
	}{
		{"close", func(p rawPair) { p.a.Close() }, net.ErrClosed},
		{"deadline", func(p rawPair) { p.a.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		{"the peer", func(p rawPair) { p.b.Close() }, io.EOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, soon, rests := spinPair(t, 2, tc.by)
			n, err := soon(make([]byte, 10))
			require.ErrorIs(t, err, tc.want)
			require.Zero(t, n)
			require.Equal(t, 2, *rests)
			require.Zero(t, spinners.Load())
		})
	}
}

// TestSpinKeepsDeadlines: a frame that has begun must end in time while its
// reader spins, and so must the farewell of a hurry.
func TestSpinKeepsDeadlines(t *testing.T) {
	reader := func(p rawPair, soon func([]byte) (int, error)) *frameReader {
		return &frameReader{src: p.a, ahead: p.a.now, soon: soon, maxSize: 1000, timeout: time.Millisecond}
	}
	t.Run("frame_timeout", func(t *testing.T) {
		p, soon, _ := spinPair(t, never, nil)
		p.a.io.(*direct).spinner.rest = func() {} // for ever
		fr := reader(p, soon)
		defer fr.close()
		say(t, p.b, "\x00\x00")
		require.NoError(t, fr.fill())
		require.Equal(t, errFrameTimeout, fr.fill())
	})
	t.Run("hurry", func(t *testing.T) {
		p, soon, _ := spinPair(t, never, nil)
		fr, hurried := reader(p, soon), false
		defer fr.close()
		p.a.io.(*direct).spinner.rest = func() {
			if !hurried {
				hurried = true
				fr.hurry()
			}
		}
		require.Equal(t, io.EOF, fr.fill())
	})
}

// TestSpinLeavesACore to those who do not spin.
func TestSpinLeavesACore(t *testing.T) {
	defer func(n int) { cores = n }(cores)
	for _, tc := range []struct{ cores, spin int }{{1, 1}, {2, 1}, {4, 3}} {
		cores = tc.cores
		var all []*spinner
		for range tc.cores + 1 {
			s := newSpinner(time.Microsecond, false)
			s.arm()
			if s.begin() {
				all = append(all, s)
			}
		}
		require.Len(t, all, tc.spin, "on %d cores", tc.cores)
		for _, s := range all {
			s.end()
		}
	}
	require.Zero(t, spinners.Load())
}

// TestSpinOnEveryConnection: with the longest spin, messages and answers come
// as without, whoever is told of them, and both ends close.
func TestSpinOnEveryConnection(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.settings.Spin = time.Millisecond
		for _, notified := range []bool{false, true} {
			change := func(cfg *Config) {
				if notified {
					cfg.Notify = func(bool) {}
				}
			}
			s := b.serve(change)
			c := b.dial(change)
			for n := range 50 {
				require.NoError(t, c.Send(number(t, n)))
				e := nextEvent(b, s, EventMessage)
				require.NoError(t, s.SendTo(e.Client, number(t, n)))
				receiveNumbers(b, c, n, n)
			}
			require.NoError(t, s.Close())
			nextEvent(b, c, EventDisconnected)
			require.NoError(t, c.Close())
		}
	})
}

// TestSpinOverTLS spins below it.
func TestSpinOverTLS(t *testing.T) {
	s := tlsSettings(t)
	a, b := mustConnect(t, TCP, "x", s, mustListen(t, TCP, "x", s))
	raw := newRawConn(a)
	require.Nil(t, raw.spinning(time.Millisecond, false))
	wire := raw.conn.(*tlsConn).wire
	require.NotNil(t, wire.soon)
	require.NotNil(t, wire.raw.io.(*direct).spinner)
	rests := 0
	wire.raw.io.(*direct).spinner.rest = func() {
		if rests++; rests == 3 {
			say(t, newRawConn(b), "two")
		}
	}
	say(t, newRawConn(b), "one")
	buf := make([]byte, 10)
	for _, want := range []string{"one", "two"} {
		n, err := raw.Read(buf)
		require.NoError(t, err)
		require.Equal(t, want, string(buf[:n]))
	}
	require.GreaterOrEqual(t, rests, 3)
}

// TestSpinDoesNotAllocate: a spin, and what it reads, takes no memory.
func TestSpinDoesNotAllocate(t *testing.T) {
	p, soon, _ := spinPair(t, never, nil)
	buf, x := make([]byte, 1), []byte("x")
	p.a.io.(*direct).spinner.rest = func() { p.b.Write(x) }
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if n, err := soon(buf); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}))
}
