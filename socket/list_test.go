package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// states lists the directory of the bed: the state of each event, in order.
func (b *bed) states() (states []string) {
	b.t.Helper()
	infos, err := List(b.ctx, Config{Settings: &b.settings})
	require.NoError(b.t, err)
	for _, info := range infos {
		states = append(states, info.Event+" "+string(info.State))
	}
	return states
}

// TestList lists 20 events, of which 3 are dead and 2 old servers, among files
// that are none.
func TestList(t *testing.T) {
	b := newBed(t, Unix)
	dir := b.settings.SocketDir
	file := func(name string) string { return filepath.Join(dir, name) }
	var want []string
	servers := map[string]*Server{}
	for n := range 20 {
		event := fmt.Sprintf("event-%02d", n)
		switch n {
		case 3, 8, 19: // dead
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: file(event + ".sock"), Net: "unix"})
			require.NoError(t, err)
			l.SetUnlinkOnClose(false)
			l.Close()
			require.NoError(t, os.WriteFile(file(event+".lock"), []byte("4194305\n"), 0o600))
			want = append(want, event+" stale")
		case 5, 11: // old
			l, err := net.Listen("unix", file(event+".sock"))
			require.NoError(t, err)
			go func() { // ends with the listener
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					defer conn.Close() // not before: an old server notices late
				}
			}()
			t.Cleanup(func() { l.Close() })
			want = append(want, event+" old")
		default:
			settings := b.settings
			s, err := Listen(b.ctx, Unix, event, Config{Settings: &settings, KeepEvents: true})
			require.NoError(t, err)
			t.Cleanup(func() { s.Close() })
			servers[event] = s
			want = append(want, event+" live")
		}
	}
	require.NoError(t, errors.Join(
		os.WriteFile(file("file.sock"), nil, 0o600),
		os.WriteFile(file("lock.lock"), nil, 0o600),
		os.Mkdir(file("directory.sock"), 0o700),
		os.Symlink(file("event-00.sock"), file("link.sock")),
		os.Rename(file("event-03.sock"), file("no name.sock")),
		os.Link(file("no name.sock"), file("event-03.sock")),
	))

	begun := time.Now()
	infos, err := List(b.ctx, Config{Settings: &b.settings})
	took := time.Since(begun)
	require.NoError(t, err)
	t.Logf("listed in %v", took)
	var got []string
	for _, info := range infos {
		got = append(got, info.Event+" "+string(info.State))
		require.Equal(t, Unix, info.Transport)
		require.Equal(t, file(info.Event+".sock"), info.Address)
		require.Equal(t, os.Geteuid(), info.UID)
		if info.State == StateStale {
			require.Zero(t, info.PID)
		} else {
			require.Equal(t, os.Getpid(), info.PID)
		}
		if s := servers[info.Event]; s != nil {
			require.Equal(t, s.Stats(), info.Stats)
			require.ErrorIs(t, s.TryReceiveBatch(&Batch{}, 0), ErrTimeout, "nothing has happened that the host hears of")
		}
	}
	require.Equal(t, want, got)
}

func TestListNothing(t *testing.T) {
	b := newBed(t, Unix)
	require.Empty(t, b.states())
	b.settings.SocketDir = filepath.Join(b.settings.SocketDir, "absent")
	require.Empty(t, b.states())
	require.NoError(t, os.WriteFile(b.settings.SocketDir, nil, 0o600))
	_, err := List(b.ctx, Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrIO)
	require.ErrorContains(t, err, "absent: not a directory")
	b.settings.SocketDir = ""
	_, err = List(b.ctx, Config{Settings: &b.settings})
	require.ErrorIs(t, err, ErrSettings)
	ended, cancel := context.WithCancel(b.ctx)
	cancel()
	b.settings.SocketDir = t.TempDir()
	_, err = List(ended, Config{Settings: &b.settings})
	require.ErrorIs(t, err, context.Canceled)
}

// A server that is stopped, and one that takes no connection for the moment,
// is known to be there, with what is known without its help.
func TestListSilentServers(t *testing.T) {
	b := newBed(t, Unix)
	p := b.run("server", lifeOptions{})
	p.report(&lifeReport{})
	require.Equal(t, []string{"test live"}, b.states())
	p.stop()
	b.settings.DefaultTimeout = 50 * time.Millisecond
	info := b.inspect()
	require.Equal(t, []any{StateSilent, p.cmd.Process.Pid, os.Geteuid()}, []any{info.State, info.PID, info.UID})
	require.Equal(t, []string{"test silent"}, b.states())
	p.resume()
	b.settings.DefaultTimeout = patience
	require.Zero(t, b.inspect().Stats.Clients, "who has gone meanwhile is no client either")
	p.kill()
	require.Equal(t, []string{"test stale"}, b.states())
}
