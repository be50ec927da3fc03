package socket

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// attemptLog is a log that notes when a client tried to connect, in vain or
// not.
type attemptLog struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *attemptLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "not connected yet" || r.Message == "connected" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.times = append(a.times, r.Time)
	}
	return nil
}

func (a *attemptLog) Enabled(context.Context, slog.Level) bool { return true }
func (a *attemptLog) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a *attemptLog) WithGroup(string) slog.Handler            { return a }

// since returns the attempts from then on.
func (a *attemptLog) since(then time.Time) (times []time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.times {
		if !t.Before(then) {
			times = append(times, t)
		}
	}
	return times
}

// busiestMinute is the highest number of attempts in any minute.
func busiestMinute(times []time.Time) (most int) {
	first := 0
	for i, t := range times {
		for t.Sub(times[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// absentServer runs a client of a server that is not there, in a bubble where
// hours pass at once. An attempt is a real one: the system says no at once.
// changed is what the watch of the socket file would tell, nil: no watch.
func absentServer(t *testing.T, s *Settings, transport Transport, changed chan struct{}, during func(*attemptLog)) {
	attempts := &attemptLog{}
	c := &Client{transport: transport, event: "test", settings: s, logger: slog.New(attempts)}
	c.delays = newBackoff(s.reconnectDelays(transport))
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		if c.tryAgain(0, changed) != nil {
			t.Error("connected to nobody")
		}
	})
	during(attempts)
	c.cancel()
	group.Wait()
}

// mostWakeUps a minute are allowed while a server is away.
const mostWakeUps = 20

func TestAwayTCPServerIsAskedRarely(t *testing.T) {
	s := *DefaultSettings()
	s.TCP.Port = refusingPort(t)
	synctest.Test(t, func(t *testing.T) {
		absentServer(t, &s, TCP, nil, func(attempts *attemptLog) {
			time.Sleep(10 * time.Hour)
			times := attempts.since(time.Time{})
			require.LessOrEqual(t, busiestMinute(times), mostWakeUps)
			require.Greater(t, len(times), 10*60, "it is asked, though: at least every reconnect_max")
			for i := range times[1:] {
				require.LessOrEqual(t, times[i+1].Sub(times[i]), s.TCP.ReconnectMax)
			}
		})
	})
}

// refusingPort is a port that is taken, but not listened on.
func refusingPort(t *testing.T) int {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	return name.(*syscall.SockaddrInet4).Port
}

// A Unix client sleeps until something happens to the socket file. It looks by
// itself only every watchedRetry.
func TestAwayUnixServerIsWatchedNotAsked(t *testing.T) {
	s := *DefaultSettings()
	s.SocketDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		changed := make(chan struct{})
		absentServer(t, &s, Unix, changed, func(attempts *attemptLog) {
			start := time.Now()
			const rounds = 100
			time.Sleep(rounds*watchedRetry + 1)
			times := attempts.since(start)
			require.Len(t, times, 1+rounds)
			for i, at := range times {
				require.Equal(t, time.Duration(i)*watchedRetry, at.Sub(start), "nothing between")
			}

			// The file changes: it is asked at once, a few times more in the
			// moment that a server needs to get from its file to listening,
			// and then not before watchedRetry.
			tick := time.Now()
			changed <- struct{}{}
			time.Sleep(watchedRetry - time.Second)
			times = attempts.since(tick)
			require.Len(t, times, 1+eagerAttempts)
			require.Equal(t, tick, times[0])
			require.Less(t, times[eagerAttempts].Sub(tick), 200*time.Millisecond)
			require.LessOrEqual(t, busiestMinute(attempts.since(start)), mostWakeUps)
		})
	})
}

// Where nothing can be watched, for want of inotify instances, the delays are
// those of the settings, and more attempts a minute are what that costs.
func TestAwayUnixServerWithoutAWatch(t *testing.T) {
	s := *DefaultSettings()
	s.SocketDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		absentServer(t, &s, Unix, nil, func(attempts *attemptLog) {
			time.Sleep(time.Hour)
			times := attempts.since(time.Time{})
			t.Log(busiestMinute(times), "in the busiest minute,", len(times), "in the hour")
			require.LessOrEqual(t, len(times), 30*60)
			for i := range times[1:] {
				require.LessOrEqual(t, times[i+1].Sub(times[i]), s.Unix.ReconnectMax)
			}
		})
	})
}

// Closing does not wait for the next attempt.
func TestAwayServerDoesNotHoldUpClose(t *testing.T) {
	s := *DefaultSettings()
	s.SocketDir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		absentServer(t, &s, Unix, make(chan struct{}), func(*attemptLog) { synctest.Wait() })
		require.Zero(t, time.Since(start))
	})
}

// welcomeAndClose serves so many clients: it lets them in and closes at once.
// Who comes later is refused by the system.
func welcomeAndClose(b *bed, clients int) (accepted chan struct{}) {
	l := listenOld(b)
	accepted = make(chan struct{}, clients)
	go func() {
		defer l.Close()
		for range clients {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			welcome := control{kind: controlWelcome, version: wireVersion, epoch: 1, seq: 1, maxMessageSize: 1 << 20}
			conn.Write(welcome.appendFrame(nil))
			conn.Close()
			accepted <- struct{}{}
		}
	}()
	return accepted
}

// A server that lets a client in and closes at once is asked no more often than
// one that is away.
func TestServerThatEndsAtOnceIsAskedRarely(t *testing.T) {
	b := newBed(t, TCP)
	const clients = 100
	accepted := welcomeAndClose(b, clients)
	attempts := &attemptLog{}
	synctest.Test(t, func(t *testing.T) {
		c, err := Dial(t.Context(), TCP, "test", Config{Settings: &b.settings, Logger: slog.New(attempts)})
		require.NoError(t, err)
		defer c.Close()
		time.Sleep(10 * time.Hour)
	})
	require.Len(t, accepted, clients)
	require.LessOrEqual(t, busiestMinute(attempts.since(time.Time{})), mostWakeUps)
}

// The delays go on after a short connection, and start over after one to a
// server that was restarted. After one that lasted there is none.
func TestDelayAfterAConnection(t *testing.T) {
	s := *DefaultSettings()
	c := &Client{delays: newBackoff(s.reconnectDelays(TCP))}
	for range 3 {
		require.Positive(t, c.delayAfter(&link{began: time.Now()}))
	}
	require.Equal(t, 8*s.TCP.ReconnectMin, c.delays.ceiling)
	for range 3 {
		delay := c.delayAfter(&link{began: time.Now(), restarted: true})
		require.Positive(t, delay)
		require.LessOrEqual(t, delay, s.TCP.ReconnectMin)
	}
	require.Zero(t, c.delayAfter(&link{began: time.Now().Add(-lasting)}))
	require.Equal(t, s.TCP.ReconnectMin, c.delays.ceiling)
}

// A client tells a server that was restarted from one that lost it.
func TestReconnectedToARestartedServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		b.comeBackWithin(time.Millisecond, 20*time.Millisecond)
		s := b.serve()
		c := b.dial()
		for _, restart := range []bool{true, false, true} {
			nextEvent(b, c, EventSynced)
			c.mu.Lock()
			l := c.link
			c.mu.Unlock()
			if restart {
				s.Close()
				s = b.serve()
			} else {
				l.raw.Close()
			}
			nextEvent(b, c, EventConnected)
			c.mu.Lock()
			require.Equal(t, restart, c.link.restarted)
			c.mu.Unlock()
		}
	})
}

// What happens to its connections does not fill the memory of a host that
// takes no events: the client stays away, and comes back when they are taken.
func TestReconnectingWaitsForTheHost(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		b.settings.BufferSize = 10
		b.settings.Unix.ReconnectMin, b.settings.Unix.ReconnectMax = time.Microsecond, time.Microsecond
		b.comeBackWithin(time.Microsecond, time.Microsecond)
		accepted := welcomeAndClose(b, 1000)
		c := b.dial()
		const events = 2 // of each connection
		for range b.settings.BufferSize/events + 1 {
			<-accepted
		}
		var err error
		require.Eventually(t, func() bool {
			err = c.Send(number(t, 1))
			return errors.Is(err, ErrNotConnected) && strings.Contains(err.Error(), "buffer_size")
		}, patience, time.Millisecond, "%v", err)
		c.inbox.mu.Lock()
		require.LessOrEqual(t, c.inbox.events, b.settings.BufferSize+events)
		c.inbox.mu.Unlock()
		require.Empty(t, accepted)
		for range 3 * b.settings.BufferSize {
			nextEvent(b, c, EventConnected)
		}
	})
}
