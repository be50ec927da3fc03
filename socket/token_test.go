package socket

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newTokenBed is TCP on loopback with a token and without TLS.
func newTokenBed(t testing.TB) *bed {
	b := newBed(t, TCP)
	b.settings.TCP.TokenFile = writeToken(t, testToken)
	return b
}

// A token keeps out who has none or another one, and a client with a token
// keeps away from a server that does not know it. Both are told why.
func TestTokens(t *testing.T) {
	other := writeToken(t, strings.Repeat("x", minToken))
	for _, row := range []struct {
		name           string
		server, client string // files; "" none
		text           string // "": let in
	}{
		{"the same", "same", "same", ""},
		{"of the client alone", "", "same", "no challenge, which a token asks for"},
		{"of the server alone", "same", "", "the client has none: set token_file"},
		{"another one", "same", other, "the client's token is not that of the server"},
	} {
		for _, over := range []string{"tcp", "tls"} {
			t.Run(row.name+" over "+over, func(t *testing.T) {
				b := newTokenBed(t)
				if over == "tls" {
					b.secure()
				}
				file := func(name string) string {
					if name == "same" {
						return b.settings.TCP.TokenFile
					}
					return name
				}
				client := file(row.client)
				b.settings.TCP.TokenFile = file(row.server)
				s := b.serve()
				require.NoError(t, s.Send(number(t, 1)))
				b.settings.TCP.TokenFile = client
				c, err := b.tryDial()
				if row.text == "" {
					require.NoError(t, err)
					receiveNumbers(b, c, 1, 1)
					return
				}
				require.ErrorIs(t, err, ErrNotAllowed)
				require.ErrorContains(t, err, row.text)
				require.ErrorContains(t, err, "token_file")
				if row.server != "" {
					sentAway(b, s, 1)
				}
				info, err := b.tryInspect()
				require.ErrorIs(t, err, ErrNotAllowed, "%+v", info)
			})
		}
	}
}

// An old client proves nothing, whether it is silent or speaks.
func TestOldClientsHaveNoToken(t *testing.T) {
	b := newTokenBed(t)
	s := b.serve(func(cfg *Config) { cfg.Settings.DefaultTimeout = 10 * silence })
	require.NoError(t, s.Send(number(t, 1)))
	silent, talking := b.dialOld(s), b.dialOld(s)
	talking.send(number(t, 2))
	for _, p := range []*oldPeer{silent, talking} {
		got, err := io.ReadAll(p.conn)
		require.NoError(t, err)
		require.NotEmpty(t, got)
		nothingOfTheEvent(t, got)
	}
	sentAway(b, s, 2)
	require.Zero(t, s.Stats().Received)
}

// impostor listens where the server was, and answers a hello with the frames
// that reply makes of its nonce and of what the client says next.
func impostor(b *bed, replies ...func(got *control) []byte) (heard *syncBuffer) {
	l := listenOld(b)
	heard = &syncBuffer{}
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer conn.Close()
				p := &oldPeer{b.t, &heardConn{conn, heard}}
				for _, reply := range replies {
					body, err := p.body()
					if err != nil {
						return
					}
					var ctl control
					if _, err := parseBody(body, new(envelope), &ctl, nil); err != nil {
						return
					}
					if _, err := conn.Write(reply(&ctl)); err != nil {
						return
					}
				}
				_, _ = io.Copy(io.Discard, p.conn)
			}()
		}
	}()
	return heard
}

// A heardConn keeps what is read from it.
type heardConn struct {
	net.Conn
	heard io.Writer
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	_, _ = c.heard.Write(b[:n])
	return n, err
}

// Whoever listens where the server was is not believed, and learns nothing.
func TestImpostorsAreNotBelieved(t *testing.T) {
	welcome := (&control{kind: controlWelcome, version: 1, epoch: 1, seq: 1}).appendFrame(nil)
	challenge := func(*control) []byte {
		return (&control{kind: controlChallenge, nonce: pageNonce(1)}).appendFrame(nil)
	}
	prove := func(t secret, of string) func(*control) []byte {
		return func(*control) []byte {
			proof := control{kind: controlProof, proof: t.proof(of, pageNonce(0), pageNonce(1))}
			return append(proof.appendFrame(nil), welcome...)
		}
	}
	for _, row := range []struct {
		name    string
		replies []func(*control) []byte
		text    string
	}{
		{"asks for nothing", []func(*control) []byte{func(*control) []byte { return welcome }}, "no challenge"},
		{"is satisfied", []func(*control) []byte{challenge, func(*control) []byte { return welcome }}, "no proof"},
		{"knows another token", []func(*control) []byte{challenge, prove(pageToken, serverProof)}, "does not know the token"},
		{"hands back the client's proof", []func(*control) []byte{challenge, func(got *control) []byte {
			return append(got.appendFrame(nil), welcome...)
		}}, "does not know the token"},
		{"proves it for other nonces", []func(*control) []byte{challenge, prove(secret(testToken), serverProof)}, "does not know the token"},
		{"sends a message", []func(*control) []byte{func(*control) []byte {
			m := Message{Data: []byte{0x80}}
			frame, _ := newEncoder("test", time.UTC, 1<<20).appendFrame(nil, &m, extraNone)
			return frame
		}}, "no challenge"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newTokenBed(t)
			heard := impostor(b, row.replies...)
			_, err := b.tryDial()
			require.ErrorIs(t, err, ErrNotAllowed)
			require.ErrorContains(t, err, row.text)
			requireNoToken(t, "what the impostor heard", heard.String())
		})
	}
}

// A server that is silent is waited for, and never believed.
func TestSilentServerHasNoToken(t *testing.T) {
	b := newTokenBed(t)
	listenOld(b)
	b.settings.DefaultTimeout = 2 * welcomeWait
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrTimeout)
}

// What a stranger who listens to one handshake can say later is worth nothing.
func TestProofsAreNotGoodTwice(t *testing.T) {
	b := newTokenBed(t)
	s := b.serve()
	var tape [2]bytes.Buffer // of the client, of the server
	relay := relayTo(b, s, &tape)
	c := b.dial()
	c.Close()
	relay()
	said := tape[0].Bytes()
	require.Contains(t, string(said), "proof")

	p := b.dialOld(s)
	p.write(said)
	require.Equal(t, controlChallenge, p.control().kind)
	bye := p.control()
	require.Equal(t, controlGoodbye, bye.kind)
	require.Equal(t, ReasonNotAllowed, bye.reason)
	requireNoToken(t, "the wire", string(said)+tape[1].String())
}

// relayTo stands between the bed's next client and the server, and keeps what
// passes. The function it returns waits for the end of the connection.
func relayTo(b *bed, s *Server, tape *[2]bytes.Buffer) (wait func()) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b.t, err)
	b.settings.TCP.Port = l.Addr().(*net.TCPAddr).Port
	var passing sync.WaitGroup
	passing.Go(func() {
		defer l.Close()
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.Address())
		if err != nil {
			return
		}
		for i, ends := range [][2]net.Conn{{client, server}, {server, client}} {
			passing.Go(func() { // ends with the connection
				_, _ = io.Copy(ends[1], io.TeeReader(ends[0], &tape[i]))
				ends[1].(*net.TCPConn).CloseWrite()
			})
		}
	})
	return passing.Wait
}

// A token without TLS protects nothing beyond loopback: the client refuses
// before it says a word. (The server refuses when it opens.)
func TestTokenInClearBeyondLoopback(t *testing.T) {
	outside := outsideAddress(t)
	b := newTokenBed(t)
	l, err := net.Listen("tcp", net.JoinHostPort(outside, "0"))
	require.NoError(t, err)
	defer l.Close()
	heard := make(chan []byte)
	go func() { // ends with the connection
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(conn)
		heard <- said
	}()
	b.settings.TCP.Host, b.settings.TCP.Port = outside, l.Addr().(*net.TCPAddr).Port
	for _, insecure := range []bool{false, true} {
		b.settings.TCP.Insecure = insecure
		_, err = b.tryDial()
		require.ErrorIs(t, err, ErrNotAllowed)
		require.ErrorContains(t, err, "set tls = true")
		if !insecure {
			require.Empty(t, <-heard, "said to %s", outside)
		}
	}
}

// outsideAddress is an address of this machine that is not loopback.
func outsideAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, addr := range addrs {
		if ip := addr.(*net.IPNet).IP; ip.To4() != nil && !ip.IsLoopback() {
			return ip.String()
		}
	}
	t.Skip("this machine has no IPv4 address but loopback")
	return ""
}

// requireNoToken looks for the token, and for what it is when it is encoded.
func requireNoToken(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{
		testToken, hex.EncodeToString([]byte(testToken)), base64.StdEncoding.EncodeToString([]byte(testToken)),
		strings.Trim(fmt.Sprint([]byte(testToken)), "[]"),
	} {
		require.NotContains(t, text, form, where)
	}
}

// The token is in no log line, no error, no settings, no counters, and not in
// what a debugger of the poor prints.
func TestTokenNeverShowsUp(t *testing.T) {
	b := newTokenBed(t)
	var seen strings.Builder
	note := func(v any) { fmt.Fprintf(&seen, "%v\n%+v\n%#v\n", v, v, v) }
	logged := func(cfg *Config) {
		cfg.Settings.LogLevel = slog.LevelDebug
		cfg.Logger = nil // lines become events
	}
	s := b.serve()
	lines := newTokenBed(t)
	s2 := lines.serve(logged)
	c, c2 := b.dial(), lines.dial(logged)
	c2.Close()
	lines.settings.TCP.TokenFile = ""
	_, err := lines.tryDial()
	note(err)
	s2.Close()
	for e, err := range s2.Events(lines.ctx) {
		note(e)
		require.NoError(t, err)
	}
	for e, err := range c2.Events(lines.ctx) {
		note(e)
		require.NoError(t, err)
	}
	require.Contains(t, seen.String(), "refused a client", "the test is blind")

	// A file that cannot be used any more, in every way.
	good := b.settings.TCP.TokenFile
	for _, content := range []string{testToken + "\n" + testToken, testToken + "\x00", testToken[:minToken-1], strings.Repeat(testToken, 100)} {
		replaceFile(t, good, []byte(content), 0o600)
		_, err := b.tryDial()
		require.ErrorIs(t, err, ErrSettings)
		note(err)
	}
	replaceFile(t, good, []byte(testToken), 0o644)
	_, err = b.tryDial()
	require.ErrorIs(t, err, ErrNotAllowed)
	note(err)
	replaceFile(t, good, []byte(testToken), 0o600)
	note(b.inspect())

	settings, err := LoadSettings(TCP, fmt.Sprintf("token_file = %q", good))
	require.NoError(t, err)
	for _, v := range []any{settings, settings.Map(), *settings, s.Stats(), s.Clients(), s.token.get(s.logger)} {
		note(v)
	}
	c.Close()
	s.Close()
	note(c)
	note(s)
	note(b.log)
	requireNoToken(t, "what was seen", seen.String())
	requireNoToken(t, "the log", b.log.String())
}

// A token that is changed under a running server counts for who comes then.
func TestTokenIsReadAgain(t *testing.T) {
	b := newTokenBed(t)
	s := b.serve()
	before := b.dial()
	file := b.settings.TCP.TokenFile
	b.settings.TCP.TokenFile = writeToken(t, testToken)
	replaceFile(t, file, []byte("another secret of its own\n"), 0o600)
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrNotAllowed)
	b.settings.TCP.TokenFile = file
	b.dial()
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, before, 1, 1)
}

func TestTokenFiles(t *testing.T) {
	for _, row := range []struct{ name, content, want string }{
		{"the shortest", strings.Repeat("x", minToken), ""},
		{"the longest", strings.Repeat("x", maxToken), ""},
		{"with the line feed of an editor", strings.Repeat("x", minToken) + "\r\n", ""},
		{"of any script", "ñandú, ñandú, ñandú", ""},
		{"empty", "", "one line of 16 to 1024 bytes"},
		{"too short", strings.Repeat("x", minToken-1) + "\n", "one line of 16 to 1024 bytes"},
		{"too long", strings.Repeat("x", maxToken+1), "one line of 16 to 1024 bytes"},
		{"two lines", strings.Repeat("x\n", minToken), "one line of UTF-8"},
		{"not UTF-8", strings.Repeat("\xff", minToken), "one line of UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := DefaultSettings()
			s.TCP.TokenFile = writeToken(t, "")
			replaceFile(t, s.TCP.TokenFile, []byte(row.content), 0o600)
			got, err := s.token(TCP)
			if row.want == "" {
				require.NoError(t, err)
				require.Equal(t, strings.TrimRight(row.content, "\r\n"), string(got))
				return
			}
			wantError(t, err, ErrSettings, row.want, s.TCP.TokenFile)
		})
	}
	s := DefaultSettings()
	s.TCP.TokenFile = writeToken(t, testToken)
	got, err := s.token(Unix)
	require.NoError(t, err)
	require.Nil(t, got, "Unix sockets have no use for it")
}

// Who has another token waits a little for the refusal.
func TestWrongTokenIsDelayed(t *testing.T) {
	b := newTokenBed(t)
	s := b.serve()
	b.settings.TCP.TokenFile = writeToken(t, strings.Repeat("x", minToken))
	began := time.Now()
	_, err := b.tryDial()
	require.ErrorIs(t, err, ErrNotAllowed)
	require.GreaterOrEqual(t, time.Since(began), refusalDelay)
	sentAway(b, s, 1)
}
