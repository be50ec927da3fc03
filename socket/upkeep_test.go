package socket

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownOf is the listener of a server on a socket file of its own.
func ownOf(s *Server) *ownListener { return s.listener.(*ownListener) }

// lookNow takes the look that is due in an hour.
func (b *bed) lookNow(s *Server) {
	own := ownOf(s)
	own.looking.Lock()
	defer own.looking.Unlock()
	own.look(b.logger())
}

func (b *bed) removeFile(name string) {
	b.t.Helper()
	require.NoError(b.t, os.Remove(filepath.Join(b.settings.SocketDir, name)))
}

// A lock file that was cleaned away is made again, by a timer, and is the lock:
// it alone keeps a second server out, and it goes with the server.
func TestUpkeepMakesTheLockAgain(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	own := ownOf(s)
	own.stopUpkeep()
	own.upkeep(time.Millisecond, b.logger())
	for range 2 {
		b.removeFile("test.lock")
		require.Eventually(t, func() bool {
			pid, _ := lockHolder(b.settings.SocketDir, "test")
			return pid == os.Getpid()
		}, patience, time.Millisecond)
	}
	own.stopUpkeep()
	require.Contains(t, b.log.String(), filepath.Join(b.settings.SocketDir, "test.lock"))

	b.removeFile("test.sock")
	_, err := Listen(b.ctx, Unix, "test", Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, s.Close())
	wantFiles(t, b.settings.SocketDir)
}

// Every server on a socket file of its own looks after it, and touches the lock,
// so that it does not look forgotten.
func TestUpkeepTouchesTheLock(t *testing.T) {
	b := newBed(t, Unix)
	own := ownOf(b.serve())
	lock := filepath.Join(b.settings.SocketDir, "test.lock")
	lastYear := time.Now().AddDate(-1, 0, 0)
	require.NoError(t, os.Chtimes(lock, lastYear, lastYear))
	own.looking.Lock()
	own.timer.Reset(0)
	own.looking.Unlock()
	require.Eventually(t, func() bool {
		info, err := os.Stat(lock)
		return err == nil && time.Since(info.ModTime()) < time.Hour
	}, patience, time.Millisecond)
}

// Another server that is about to open may have the lock first. It finds that
// the event is served, and the lock is made again afterwards.
func TestUpkeepWhileAnotherServerTries(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	b.removeFile("test.lock")
	dir, err := openSocketDir(b.settings.SocketDir)
	require.NoError(t, err)
	defer dir.Close()
	other, err := acquireName(b.ctx, dir, "test")
	require.NoError(t, err)
	b.lookNow(s)
	require.Contains(t, b.log.String(), "could not be made again yet")
	require.True(t, other.stillThere())
	require.ErrorIs(t, clearStale(b.ctx, dir, "test"), ErrInUse)
	require.NoError(t, other.release())
	b.lookNow(s)
	require.True(t, ownOf(s).lock.stillThere())
}

// A server whose socket file is gone says so. Whoever has the name by then
// keeps it.
func TestUpkeepTellsThatTheSocketFileIsGone(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	b.lookNow(s)
	require.NotContains(t, b.log.String(), "level=ERROR")
	b.removeFile("test.lock")
	b.removeFile("test.sock")
	b.lookNow(s)
	require.Contains(t, b.log.String(), "level=ERROR")
	require.Contains(t, b.log.String(), "path="+s.Address()+` error="the socket file was removed"`)
	wantFiles(t, b.settings.SocketDir)

	second := b.serve()
	b.lookNow(s)
	require.Contains(t, b.log.String(), "another file is in the place of the socket file")
	require.NoError(t, s.Close())
	require.True(t, ownOf(second).lock.stillThere())
	require.Equal(t, StateLive, b.inspect().State)
}
