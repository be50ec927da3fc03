package socket

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// transportSettings are settings whose files are in dir and whose port is
// any free one.
func transportSettings(dir string) *Settings {
	return &Settings{
		SocketDir: dir,
		Unix:      UnixSettings{SocketPermissions: 0o600, AutoRemoveSocket: true},
		TCP:       TCPSettings{Host: "127.0.0.1", PortRangeStart: 9000, PortRangeEnd: 9100},
	}
}

// mustListen listens, and closes the listener at the end of the test. The
// settings learn the port, so that a client finds it.
func mustListen(t *testing.T, transport Transport, event string, s *Settings) net.Listener {
	t.Helper()
	l, err := listen(t.Context(), transport, event, s)
	if err != nil {
		t.Fatalf("listen %s: %v", transport, err)
	}
	t.Cleanup(func() { l.Close() })
	if addr, ok := l.Addr().(*net.TCPAddr); ok {
		s.TCP.Port = addr.Port
	}
	return l
}

// mustConnect returns both ends of a new connection.
func mustConnect(t *testing.T, transport Transport, event string, s *Settings, l net.Listener) (client, server net.Conn) {
	t.Helper()
	accepted := make(chan error)
	go func() { // ends when the connection is there, or the test has failed
		var err error
		if server, err = l.Accept(); err == nil {
			server, err = secure(t.Context(), time.Now().Add(patience), server, slog.New(slog.DiscardHandler))
		}
		accepted <- err
	}()
	client, err := dial(t.Context(), transport, event, s)
	if err != nil {
		t.Fatalf("dial %s: %v", transport, err)
	}
	t.Cleanup(func() { client.Close() })
	if err := <-accepted; err != nil {
		t.Fatalf("accept: %v", err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// wantError fails the test unless err is of the kind and says all of texts.
func wantError(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one that is %q", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// wantFiles fails the test unless the directory holds just these files.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// A settingsMaker makes the settings of a transport for a test.
type settingsMaker func(*testing.T) *Settings

func plainSettings(t *testing.T) *Settings { return transportSettings(t.TempDir()) }

func tlsSettings(t *testing.T) *Settings {
	b := newBed(t, TCP)
	b.secure()
	s := plainSettings(t)
	b.settings.TCP.Port = s.TCP.Port
	s.TCP = b.settings.TCP
	return s
}

// TestTransportContract is what server and client rely on, whatever the
// transport.
func TestTransportContract(t *testing.T) {
	for _, over := range []struct {
		name      string
		transport Transport
		settings  settingsMaker
	}{
		{"unix", Unix, plainSettings},
		{"tcp", TCP, plainSettings},
		{"tls", TCP, tlsSettings},
	} {
		t.Run(over.name, func(t *testing.T) {
			for _, c := range []struct {
				name string
				test func(*testing.T, Transport, settingsMaker)
			}{
				{"bytes flow both ways", contractBytes},
				{"half a close", contractHalfClose},
				{"addresses", contractAddresses},
				{"close ends accept", contractCloseEndsAccept},
				{"close twice", contractCloseTwice},
				{"connections outlive the listener", contractOutlive},
				{"listen again at once", contractReuse},
				{"second server", contractInUse},
				{"no server", contractNoServer},
				{"server gone", contractServerGone},
				{"context ended before", contractContextEnded},
			} {
				t.Run(c.name, func(t *testing.T) { c.test(t, over.transport, over.settings) })
			}
		})
	}
}

func contractBytes(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	l := mustListen(t, transport, "x", s)
	for _, up := range []bool{true, false} {
		from, to := mustConnect(t, transport, "x", s, l)
		if !up {
			from, to = to, from
		}
		if _, err := from.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		from.Close()
		if got, err := io.ReadAll(to); string(got) != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// A side that has said all it will still hears the other.
func contractHalfClose(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	client, server := mustConnect(t, transport, "x", s, mustListen(t, transport, "x", s))
	if err := newRawConn(client).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(server); len(got) > 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := server.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func contractAddresses(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	l := mustListen(t, transport, "x", s)
	client, server := mustConnect(t, transport, "x", s, l)
	if got, want := client.RemoteAddr().String(), l.Addr().String(); got != want {
		t.Errorf("the client is connected to %s, the server is at %s", got, want)
	}
	want := client.LocalAddr().String()
	if transport == Unix {
		want = filepath.Join(s.SocketDir, "x.sock")
	}
	if got := server.RemoteAddr().String(); got != want {
		t.Errorf("the server sees the client at %s, want %s", got, want)
	}
	if got := peerOf(server).address; got != want {
		t.Errorf("the peer's address is %s, want %s", got, want)
	}
}

func contractCloseEndsAccept(t *testing.T, transport Transport, settings settingsMaker) {
	l := mustListen(t, transport, "x", settings(t))
	ended := make(chan error)
	go func() { // ends when the listener is closed
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept ended with %v, want net.ErrClosed", err)
	}
}

func contractCloseTwice(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	first := mustListen(t, transport, "x", s)
	first.Close()
	second := mustListen(t, transport, "x", s)
	first.Close()
	mustConnect(t, transport, "x", s, second)
}

func contractOutlive(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	l := mustListen(t, transport, "x", s)
	client, server := mustConnect(t, transport, "x", s, l)
	l.Close()
	if _, err := server.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "still here" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func contractReuse(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	for range 10 {
		l := mustListen(t, transport, "x", s) // from the second on at the same port
		_, server := mustConnect(t, transport, "x", s, l)
		server.Close() // first, so that TCP keeps the port in TIME_WAIT
		if err := l.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func contractInUse(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	l := mustListen(t, transport, "x", s)
	_, err := listen(t.Context(), transport, "x", s)
	wantError(t, err, ErrInUse)
	mustConnect(t, transport, "x", s, l)
}

func contractNoServer(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	mustListen(t, transport, "x", s).Close() // gives a port that nobody has
	_, err := dial(t.Context(), transport, "x", s)
	wantError(t, err, ErrNoServer, `nobody serves "x": `)
}

func contractServerGone(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	s.Unix.AutoRemoveSocket = false
	mustListen(t, transport, "x", s).Close()
	_, err := dial(t.Context(), transport, "x", s)
	wantError(t, err, ErrNoServer, `nobody serves "x": `)
}

func contractContextEnded(t *testing.T, transport Transport, settings settingsMaker) {
	s := settings(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := listen(ctx, transport, "x", s); err != context.Canceled {
		t.Errorf("listen: %v", err)
	}
	wantFiles(t, s.SocketDir)
	mustListen(t, transport, "x", s)
	if _, err := dial(ctx, transport, "x", s); err != context.Canceled {
		t.Errorf("dial: %v", err)
	}
}

func TestParseTransport(t *testing.T) {
	for text, want := range map[string]Transport{"unix": Unix, "UNIX": Unix, "tcp": TCP, "Tcp": TCP} {
		if got, err := ParseTransport(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "udp", " unix", "unix "} {
		_, err := ParseTransport(text)
		wantError(t, err, ErrInvalid, `"`+text+`"`)
	}
	_, err := listen(t.Context(), "udp", "x", transportSettings(t.TempDir()))
	wantError(t, err, ErrInvalid, `"udp"`)
	_, err = dial(t.Context(), "udp", "x", transportSettings(t.TempDir()))
	wantError(t, err, ErrInvalid, `"udp"`)
}
