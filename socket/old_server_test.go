package socket

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Where nothing can be watched, for want of inotify instances, the socket file
// of an old server is looked at from time to time.
func TestOldServerThatStopsUnwatched(t *testing.T) {
	b := newBed(t, Unix)
	l := listenOld(b)
	go func() {
		for range 2 {
			acceptOld(b, l)
		}
	}()
	c := b.dial()
	link, err := c.connect(b.ctx)
	require.NoError(t, err)
	c.out.mu.Lock()
	c.out.join(link.cursor, 1)
	c.out.mu.Unlock()
	link.lookAtFile(&serverWatch{}, time.Millisecond)
	require.NoError(t, os.Remove(filepath.Join(b.settings.SocketDir, "test.sock")))
	require.Equal(t, io.EOF, link.read())
	link.close()
}

// An old server makes its file long before it listens, when the machine is
// busy: while the file is there, the delays grow from short ones.
func TestOldServerThatIsSlowToListen(t *testing.T) {
	s := *DefaultSettings()
	s.SocketDir = t.TempDir()
	l, err := net.Listen("unix", filepath.Join(s.SocketDir, "test.sock"))
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for name, tick := range map[string]bool{"the client comes later": false, "the client is there": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				changed := make(chan struct{})
				absentServer(t, &s, Unix, changed, func(attempts *attemptLog) {
					if tick {
						time.Sleep(time.Hour)
						changed <- struct{}{}
					}
					start := time.Now()
					time.Sleep(10 * time.Minute)
					times := attempts.since(start)
					require.LessOrEqual(t, busiestMinute(times), mostWakeUps)
					for i, at := range times[1:] {
						waited := times[i].Sub(start)
						require.LessOrEqual(t, at.Sub(times[i]), max(200*time.Millisecond, min(2*waited, watchedRetry)))
					}
				})
			})
		})
	}
}
