package socket

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listenNotify is the socket of a service manager.
func listenNotify(t *testing.T, address string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	return c
}

// told reads what the manager was told; it must be there.
func told(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 64)
	n, err := c.Read(b)
	require.NoError(t, err)
	return string(b[:n])
}

// toldNothing tells that no word is left.
func toldNothing(t *testing.T, c *net.UnixConn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now()))
	n, err := c.Read(make([]byte, 64))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "%d bytes", n)
}

func TestSdNotify(t *testing.T) {
	addresses := []string{filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" {
		addresses = append(addresses, fmt.Sprintf("@libsocket-notify-%d", os.Getpid()))
	}
	for _, address := range addresses {
		eachTransport(t, func(t *testing.T, b *bed) {
			manager := listenNotify(t, address)
			environ := func(cfg *Config) { cfg.Environ = []string{"NOTIFY_SOCKET=" + address} }

			b.serve(environ).Close() // was not asked to
			b.settings.SdNotify = true
			s := b.serve(environ)
			require.Equal(t, "READY=1", told(t, manager))
			b.dial()
			s.Close()
			require.Equal(t, "STOPPING=1", told(t, manager))

			s = b.serve(environ)
			require.Equal(t, "READY=1", told(t, manager))
			s.AnnounceRestart()
			s.Close()
			toldNothing(t, manager)
			manager.Close()
			os.Remove(address)
		})
	}
}

// TestSdNotifyInVain: who cannot be told holds nobody up.
func TestSdNotifyInVain(t *testing.T) {
	dir := t.TempDir()
	full := listenNotify(t, filepath.Join(dir, "full"))
	sender, err := net.DialUnix("unixgram", nil, full.LocalAddr().(*net.UnixAddr))
	require.NoError(t, err)
	defer sender.Close()
	for err == nil {
		require.NoError(t, sender.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		_, err = sender.Write([]byte("x"))
	}
	for _, c := range []struct{ name, address, says string }{
		{"nobody", filepath.Join(dir, "nobody"), "no such file"},
		{"no address", "vsock:2:1234", "neither an absolute path nor an abstract name"},
		{"does not read", full.LocalAddr().String(), "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, Unix)
			b.settings.SdNotify = true
			s := b.serve(func(cfg *Config) { cfg.Environ = []string{"NOTIFY_SOCKET=" + c.address} })
			b.dial()
			require.Contains(t, b.log.String(), "the service manager was not told READY=1")
			require.Contains(t, b.log.String(), c.says)
			require.NoError(t, s.Close())
		})
	}
}
