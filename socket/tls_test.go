package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// helloFrame is what a client by hand says first.
var helloFrame = (&control{kind: controlHello, version: wireVersion, name: "by hand"}).appendFrame(nil)

// withoutToken leaves TLS and certificates.
func withoutToken(b *bed) { b.settings.TCP.TokenFile = "" }

// nothingOfTheEvent checks that what a stranger was sent is at most the word
// that it is not let in.
func nothingOfTheEvent(t *testing.T, got []byte) {
	t.Helper()
	for len(got) > 0 {
		require.Greater(t, len(got), lengthSize)
		size := lengthSize + int(got[2])<<8 + int(got[3])
		require.GreaterOrEqual(t, len(got), size)
		require.Equal(t, controlGoodbye, parseControl(t, got[lengthSize:size]).kind)
		got = got[size:]
	}
}

// sentAway waits until the server has refused so many, and checks that none of
// them has become a client.
func sentAway(b *bed, s *Server, refused int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return s.Stats().Refused == uint64(refused) }, patience, time.Millisecond, "%s", b.log)
	require.Empty(b.t, s.Clients())
	require.NotContains(b.t, b.log.String(), "client connected")
}

// The command line client of OpenSSL, which is nobody's relative: what it is
// let in with, and what it is not.
func TestTLSAgainstOpenSSL(t *testing.T) {
	_, err := exec.LookPath("openssl")
	require.NoError(t, err, "the test needs it: apt-get install openssl")
	b := newBed(t, TCP)
	ca := b.secure()
	withoutToken(b)
	stranger := newAuthority(t)
	trusted := []string{"-CAfile", ca.file, "-verify_return_error"}
	showing := func(p pair) []string { return append([]string{"-cert", p.cert, "-key", p.key}, trusted...) }
	for _, client := range []struct {
		name    string
		args    []string
		alert   string // what openssl prints; "": it is let in
		refusal string // what the server logs
	}{
		{"right", showing(ca.issue("right")), "", ""},
		{"right, by the name of the protocol", append(showing(ca.issue("alpn")), "-alpn", alpn), "", ""},
		{"TLS 1.2", append(showing(ca.issue("old")), "-tls1_2"), "alert protocol version", "unsupported versions"},
		{"no certificate", trusted, "alert certificate required", "didn't provide a certificate"},
		{"a certificate of somebody else", showing(stranger.issue("stranger")), "alert unknown ca", "unknown authority"},
		{"an expired certificate", showing(ca.issue("expired", expired)), "alert certificate expired", "expired"},
		{"a certificate for servers", showing(ca.issue("server", func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})), "alert bad certificate", "incompatible key usage"},
		{"another protocol", append(showing(ca.issue("http")), "-alpn", "http/1.1"), "alert no application protocol", "unsupported application protocols"},
		{"trust in somebody else", []string{"-CAfile", stranger.file, "-verify_return_error"}, "verify failed", "TLS handshake"},
	} {
		t.Run(client.name, func(t *testing.T) {
			b := &bed{t: t, ctx: testContext(t), transport: TCP, settings: b.settings, log: &syncBuffer{}}
			b.settings.TCP.Port = -1
			s := b.serve()
			require.NoError(t, s.Send(number(t, 1)))
			args := append([]string{"s_client", "-quiet", "-connect", s.Address()}, client.args...)
			cmd := exec.CommandContext(b.ctx, "openssl", args...)
			var problems bytes.Buffer
			cmd.Stderr = &problems
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			_, _ = stdin.Write(helloFrame) // it may have ended
			if client.alert == "" {
				p := &oldPeer{t, readerConn{stdout}}
				require.Equal(t, controlWelcome, p.control().kind)
				require.Equal(t, 1, numberOf(t, p.receive()))
				require.Equal(t, "by hand", s.Clients()[0].Name)
				stdin.Close()
				_ = cmd.Process.Kill()
				_ = cmd.Wait() // says that it was killed
				nextEvent(b, s, EventDisconnected)
				return
			}
			got, err := io.ReadAll(stdout)
			require.NoError(t, err)
			stdin.Close()
			_ = cmd.Wait() // its status is not the same in all versions
			require.Empty(t, got, "it was told something of the event")
			require.Contains(t, problems.String(), client.alert)
			sentAway(b, s, 1)
			require.Contains(t, b.log.String(), client.refusal)
		})
	}
}

// A readerConn is a connection that is only read.
type readerConn struct{ io.Reader }

func (readerConn) Write([]byte) (int, error)        { return 0, errors.ErrUnsupported }
func (readerConn) Close() error                     { return nil }
func (readerConn) LocalAddr() net.Addr              { return nil }
func (readerConn) RemoteAddr() net.Addr             { return nil }
func (readerConn) SetDeadline(time.Time) error      { return nil }
func (readerConn) SetReadDeadline(time.Time) error  { return nil }
func (readerConn) SetWriteDeadline(time.Time) error { return nil }

// Whom our own client does not trust, and who does not trust it. Each is told
// at once, with the reason.
func TestTLSBetweenStrangers(t *testing.T) {
	for _, row := range []struct {
		name   string
		server func(b *bed, ca *authority) // changes the settings of the server
		client func(b *bed, ca *authority) // those of the client, afterwards
		kind   error
		texts  []string
	}{
		{"another authority", nil, func(b *bed, _ *authority) { b.settings.TCP.TLSCAFile = newAuthority(b.t).file },
			ErrNotAllowed, []string{"is not trusted", "unknown authority", "tls_ca_file"}},
		{"the system's authorities", nil, func(b *bed, _ *authority) { b.settings.TCP.TLSCAFile = "" },
			ErrNotAllowed, []string{"is not trusted", "unknown authority"}},
		{"another name", nil, func(b *bed, _ *authority) { b.settings.TCP.TLSServerName = "example.org" },
			ErrNotAllowed, []string{"is not trusted", "example.org", "tls_server_name"}},
		{"an expired server", func(b *bed, ca *authority) { b.show(ca.issue("expired", expired)) }, func(b *bed, ca *authority) { b.show(ca.issue("good")) },
			ErrNotAllowed, []string{"is not trusted", "expired"}},
		{"an expired client", nil, func(b *bed, ca *authority) { b.show(ca.issue("expired", expired)) },
			ErrNotAllowed, []string{"refuses this client", "expired certificate", "tls_cert_file"}},
		{"a client of another authority", nil, func(b *bed, _ *authority) { b.show(newAuthority(b.t).issue("stranger")) },
			ErrNotAllowed, []string{"refuses this client", "unknown certificate authority"}},
		{"no certificate", nil, func(b *bed, _ *authority) { b.show(pair{}) },
			ErrNotAllowed, []string{"refuses this client", "certificate required", "tls_cert_file"}},
		{"a client without TLS", nil, func(b *bed, _ *authority) { b.settings.TCP = b.plainTCP() },
			ErrNotAllowed, []string{"the server speaks TLS", "tls = true"}},
		{"a server without TLS", func(b *bed, _ *authority) { b.settings.TCP = b.plainTCP() }, func(b *bed, _ *authority) { b.secure(); withoutToken(b) },
			ErrNotConnected, []string{"TLS handshake", "not speak TLS"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t, TCP)
			ca := b.secure()
			withoutToken(b)
			if row.server != nil {
				row.server(b, ca)
			}
			s := b.serve()
			require.NoError(t, s.Send(number(t, 1)))
			row.client(b, ca)
			began := time.Now()
			_, err := b.tryDial()
			require.ErrorIs(t, err, row.kind)
			for _, text := range row.texts {
				require.ErrorContains(t, err, text)
			}
			require.Less(t, time.Since(began), b.settings.DefaultTimeout, "the reason was waited for")
			sentAway(b, s, 1)
		})
	}
}

func (b *bed) show(p pair) { b.settings.TCP.TLSCertFile, b.settings.TCP.TLSKeyFile = p.cert, p.key }

// plainTCP is the settings of TCP without what protects it.
func (b *bed) plainTCP() TCPSettings {
	plain := newBed(b.t, TCP).settings.TCP
	plain.Port, plain.PortRangeStart, plain.PortRangeEnd = b.settings.TCP.Port, b.settings.TCP.PortRangeStart, b.settings.TCP.PortRangeEnd
	return plain
}

// A server that only speaks TLS 1.2, and one that is no server of events.
func TestTLSServersThatAreNone(t *testing.T) {
	b := newBed(t, TCP)
	ca := b.secure()
	withoutToken(b)
	files := ca.issue("foreign")
	certificate, err := tls.LoadX509KeyPair(files.cert, files.key)
	require.NoError(t, err)
	for _, row := range []struct {
		name   string
		config *tls.Config // nil: no TLS
		kind   error
		text   string
	}{
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, ErrNotAllowed, "protocol version not supported"},
		{"another protocol", &tls.Config{NextProtos: []string{"h2"}}, ErrNotAllowed, "no application protocol"},
		{"HTTP", nil, ErrProtocol, "does not speak TLS"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &bed{t: t, ctx: testContext(t), transport: TCP, settings: b.settings, log: &syncBuffer{}}
			l := listenOld(b)
			go func() { // ends with the connection
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				if row.config == nil {
					_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				} else {
					row.config.Certificates = []tls.Certificate{certificate}
					c = tls.Server(c, row.config)
				}
				_, _ = io.Copy(io.Discard, c)
			}()
			_, err := b.tryDial()
			require.ErrorIs(t, err, row.kind)
			require.ErrorContains(t, err, row.text)
		})
	}
}

// strangers are what may come to any port, and is not a client.
var strangers = map[string][]byte{
	"a browser": []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n" +
		"Sec-Fetch-Site: cross-site\r\nConnection: keep-alive\r\n\r\n"),
	"a hello without TLS":  helloFrame,
	"a message":            append([]byte{0, 0, 0, 1}, 0x80),
	"an insult":            {0, 0, 0, 0},
	"a huge length":        {0xff, 0xff, 0xff, 0xff},
	"text":                 []byte("hello?\n"),
	"a record that is cut": {0x16, 3, 1, 2, 0, 1, 0},
	"an empty record":      {0x16, 3, 1, 0, 0},
	"nothing":              {},
}

// What is not a client with TLS, or with the token, is sent away by a server
// that asks for them; it learns nothing, and disturbs nobody.
func TestStrangersAreSentAway(t *testing.T) {
	for _, guard := range []string{"tls", "token"} {
		t.Run(guard, func(t *testing.T) {
			b := newBed(t, TCP)
			b.secure()
			if guard == "token" {
				b.settings.TCP = withToken(b.plainTCP(), b.settings.TCP.TokenFile)
			}
			s := b.serve(func(cfg *Config) { cfg.Settings.DefaultTimeout = time.Second })
			c := b.dial()
			require.NoError(t, s.Send(number(t, 1)))
			t.Run("all", func(t *testing.T) { // returns when they are through
				for name, words := range strangers {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						beStranger(t, s, words)
					})
				}
			})
			require.Eventually(t, func() bool { return s.Stats().Refused == uint64(len(strangers)) }, patience, time.Millisecond, "%s", b.log)
			require.Len(t, s.Clients(), 1)
			receiveNumbers(b, c, 1, 1)
		})
	}
}

// Before it is let in, nobody makes a server keep more than a hello needs.
func TestGreetingsAreBounded(t *testing.T) {
	eachGuarded(t, func(t *testing.T, b *bed) {
		s := b.serve()
		dial := b.dialOld
		if b.settings.TCP.TLS {
			dial = func(s *Server) *oldPeer { return dialTLS(b, s) }
		}
		p := dial(s)
		p.write([]byte{0, 0, maxGreeting >> 8, 1}) // a byte too many is announced, and none is sent
		_, err := p.body()
		require.Error(t, err)
		sentAway(b, s, 1)
		require.Contains(t, b.log.String(), "announced a frame of 16385 bytes")

		c := b.dial()
		require.NoError(t, c.Send(Message{Data: append([]byte{0xc6, 0, 1, 0, 0}, make([]byte, 1<<16)...)}))
		require.Len(t, nextEvent(b, s, EventMessage).Data, 5+(1<<16), "a client may say more")
	})
}

func beStranger(t *testing.T, s *Server, words []byte) {
	conn, err := net.Dial("tcp", s.Address())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(words)
	require.NoError(t, err)
	got, _ := io.ReadAll(conn)         // to its end, of whatever kind
	if len(got) == 0 || got[0] != 21 { // the type of an alert of TLS
		nothingOfTheEvent(t, got)
	}
}

func withToken(s TCPSettings, file string) TCPSettings {
	s.TokenFile = file
	return s
}

// Who has the right certificate and says nothing is no old client.
func TestSilenceLetsNobodyInOverTLS(t *testing.T) {
	b := newBed(t, TCP)
	b.secure()
	withoutToken(b)
	s := b.serve(func(cfg *Config) { cfg.Settings.DefaultTimeout = 10 * silence })
	require.NoError(t, s.Send(number(t, 1)))
	p := dialTLS(b, s)
	bye := p.control()
	require.Equal(t, controlGoodbye, bye.kind)
	require.Equal(t, ReasonNotAllowed, bye.reason)
	require.Contains(t, bye.text, "no hello")
	sentAway(b, s, 1)
}

// dialTLS is a peer by hand with the bed's certificate.
func dialTLS(b *bed, s *Server) *oldPeer {
	b.t.Helper()
	config, err := clientTLS(&b.settings)
	require.NoError(b.t, err)
	conn, err := tls.Dial("tcp", s.Address(), config)
	require.NoError(b.t, err)
	return newOldPeer(b.t, conn)
}

// Heartbeats go over TLS as over TCP: who answers none is dead.
func TestHeartbeatOverTLS(t *testing.T) {
	b := newBed(t, TCP)
	b.secure()
	withoutToken(b)
	b.settings.TCP.Heartbeat = 150 * time.Millisecond
	s := b.serve()
	p := dialTLS(b, s)
	p.write(helloFrame)
	require.Equal(t, controlWelcome, p.control().kind)
	require.Equal(t, controlSynced, p.control().kind)
	require.Equal(t, controlPing, p.control().kind)
	e := nextEvent(b, s, EventDisconnected)
	require.Equal(t, ReasonHeartbeat, e.Reason, e.Text)
}

// A certificate that is renewed is shown to who comes then; one that cannot be
// used is not, and the log says so.
func TestTLSFilesAreReadAgain(t *testing.T) {
	b := newBed(t, TCP)
	ca := b.secure()
	withoutToken(b)
	s := b.serve()
	before := b.dial()

	renewed := newAuthority(t)
	files := renewed.issue("renewed")
	move := func(from, to string) { replaceFile(t, to, []byte(readFile(t, from)), 0o600) }
	certificate, key := b.settings.TCP.TLSCertFile, b.settings.TCP.TLSKeyFile
	move(files.cert, certificate) // and not its key: a moment at which they do not match
	again := *b
	again.show(ca.issue("client"))
	again.dial().Close()
	require.Contains(t, b.log.String(), "those from before stay")
	move(files.key, key)

	again.settings.TCP.TLSCAFile = renewed.file
	again.dial()
	require.NoError(t, s.Send(number(t, 1)))
	receiveNumbers(b, before, 1, 1)
	again.settings.TCP.TLSCAFile = ca.file
	_, err := again.tryDial()
	require.ErrorIs(t, err, ErrNotAllowed)
}

// Settings of TLS that contradict themselves are errors, and never a
// connection without.
func TestTLSSettings(t *testing.T) {
	b := newBed(t, TCP)
	ca := b.secure()
	good := b.settings.TCP
	b.serve().Close() // fixes the port
	garbage := writeToken(t, "no PEM at all, whatever it is")
	for _, row := range []struct {
		name   string
		change func(*TCPSettings)
		server string // what is wrong for a server; "": nothing
		client string
	}{
		{"a certificate without TLS", func(s *TCPSettings) { s.TLS = false }, "tls_cert_file", "tls_cert_file"},
		{"only authorities without TLS", func(s *TCPSettings) {
			*s = TCPSettings{TLSClientCAFile: ca.file, TLSCAFile: ca.file}
		}, "tls_client_ca_file", "tls_ca_file"},
		{"only a name without TLS", func(s *TCPSettings) { *s = TCPSettings{TLSServerName: "x"} }, "", "tls_server_name"},
		{"no certificate", func(s *TCPSettings) { s.TLSCertFile, s.TLSKeyFile = "", "" }, "needs both", ""},
		{"no key", func(s *TCPSettings) { s.TLSKeyFile = "" }, "needs both", "needs both"},
		{"another key", func(s *TCPSettings) { s.TLSKeyFile = ca.issue("other").key }, "private key does not match", ""},
		{"a missing file", func(s *TCPSettings) { s.TLSCertFile += "x" }, "no such file", ""},
		{"a key that all can read", func(s *TCPSettings) { s.TLSKeyFile = s.TLSCertFile }, "chmod go-rwx", ""},
		{"authorities that are none", func(s *TCPSettings) { s.TLSClientCAFile, s.TLSCAFile = garbage, garbage }, "tls_client_ca_file", "tls_ca_file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := b.settings
			s.TCP = good
			row.change(&s.TCP)
			s.TCP.Host, s.TCP.Port = "127.0.0.1", b.settings.TCP.Port
			s.TCP.PortRangeStart, s.TCP.PortRangeEnd, s.TCP.TokenFile = good.PortRangeStart, good.PortRangeEnd, ""
			check := func(err error, want string) {
				if want == "" {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				require.ErrorContains(t, err, want)
				require.Contains(t, []Code{CodeSettings, CodeNotAllowed, CodeIO}, CodeOf(err))
			}
			l, err := listen(t.Context(), TCP, "x", &s)
			if err == nil {
				l.Close()
			}
			check(err, row.server)
			check(checkDial(TCP, &s), row.client)
		})
	}
}

// Beyond loopback TLS lets a server listen; a token alone does not, and an
// insecure one neither.
func TestTLSBeyondLoopback(t *testing.T) {
	b := newBed(t, TCP)
	b.secure()
	protected := b.settings.TCP
	for _, row := range []struct {
		name    string
		change  func(*TCPSettings)
		refused string
		warned  string
	}{
		{"TLS, certificates and a token", func(*TCPSettings) {}, "", ""},
		{"TLS and a token", func(s *TCPSettings) { s.TLSClientCAFile = "" }, "", ""},
		{"TLS and certificates", func(s *TCPSettings) { s.TokenFile = "" }, "", ""},
		{"TLS", func(s *TCPSettings) { s.TLSClientCAFile, s.TokenFile = "", "" }, "", "everybody who can reach"},
		{"a token", func(s *TCPSettings) { *s = withToken(b.plainTCP(), s.TokenFile) }, "a token without TLS", ""},
		{"a token, insecure", func(s *TCPSettings) {
			*s = withToken(b.plainTCP(), s.TokenFile)
			s.Insecure = true
		}, "a token without TLS", ""},
		{"insecure", func(s *TCPSettings) {
			*s = b.plainTCP()
			s.Insecure = true
		}, "", "insecure = true"},
		{"nothing", func(s *TCPSettings) { *s = b.plainTCP() }, "set tls = true", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &bed{t: t, ctx: testContext(t), transport: TCP, settings: b.settings, log: &syncBuffer{}}
			b.settings.TCP = protected
			row.change(&b.settings.TCP)
			b.settings.TCP.Host, b.settings.TCP.Port = "0.0.0.0", -1
			if row.refused != "" {
				_, err := Listen(b.ctx, TCP, "test", Config{Settings: &b.settings})
				require.ErrorIs(t, err, ErrNotAllowed)
				require.ErrorContains(t, err, row.refused)
				return
			}
			b.serve()
			if row.warned == "" {
				require.NotContains(t, b.log.String(), "WARN")
			} else {
				require.Contains(t, b.log.String(), row.warned)
			}
		})
	}
}

// Closing is not held up by an end that does not read, as crypto/tls alone
// would be.
func TestTLSCloseDoesNotWait(t *testing.T) {
	s := tlsSettings(t)
	client, server := mustConnect(t, TCP, "x", s, mustListen(t, TCP, "x", s))
	require.NoError(t, client.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := client.Write(make([]byte, 64<<20)) // what nobody reads
	require.Error(t, err)
	began := time.Now()
	client.Close()
	require.Less(t, time.Since(began), 4*time.Second, "five seconds are those of crypto/tls")
	server.Close()
}

// A handshake ends with its server, and in time without it.
func TestTLSHandshakeEnds(t *testing.T) {
	b := newBed(t, TCP)
	b.secure()
	s := b.serve(func(cfg *Config) { cfg.Settings.DefaultTimeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Address())
	require.NoError(t, err)
	defer conn.Close()
	sentAway(b, s, 1)
	require.Contains(t, b.log.String(), "not done in time")

	slow := newBed(t, TCP)
	slow.secure()
	other := slow.serve(func(cfg *Config) { cfg.Settings.DefaultTimeout = time.Hour })
	conn, err = net.Dial("tcp", other.Address())
	require.NoError(t, err)
	defer conn.Close()
	require.Eventually(t, func() bool { return other.lobby.waiting() == 1 }, patience, time.Millisecond)
	other.Close()
	require.Zero(t, other.Stats().Refused, "nobody was wrong")

	l := listenOld(slow) // which answers nothing
	ctx, cancel := context.WithCancel(slow.ctx)
	accepted := make(chan net.Conn)
	go func() { // ends when the connection is there
		c, _ := l.Accept()
		accepted <- c
		cancel()
	}()
	dialled := make(chan error)
	go func() { // ends with ctx
		_, err := Dial(ctx, TCP, "test", Config{Settings: &slow.settings})
		dialled <- err
	}()
	defer (<-accepted).Close()
	require.ErrorIs(t, <-dialled, context.Canceled)
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	content, err := trustedFile{key: "a test's file", path: path}.read()
	require.NoError(t, err)
	return strings.TrimSpace(string(content)) + "\n"
}
