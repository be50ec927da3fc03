package socket

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"
)

// alpn names the protocol to TLS, so that a connection meant for another
// service with the same certificate ends in the handshake.
const alpn = "libsocket"

// newTLSConfig has what both ends agree on. A session is not taken up again:
// whether a certificate still counts is asked on every connection.
func newTLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		NextProtos:                  []string{alpn},
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // what is written is a batch already
	}
}

// serverTLS reads what a server needs. Mistakes are found before it listens.
func serverTLS(s *Settings) (*tls.Config, error) {
	config := newTLSConfig()
	certificate, err := ownCertificate(s)
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{*certificate}
	if s.TCP.TLSClientCAFile != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs, err = readCAs("tls_client_ca_file", s.TCP.TLSClientCAFile)
	}
	return config, err
}

// clientTLS reads what a client needs. Its certificate is read when a server
// asks for it: settings that serve both ends may name one that only the
// server is to show.
func clientTLS(s *Settings) (config *tls.Config, err error) {
	config = newTLSConfig()
	config.ServerName = s.TCP.TLSServerName
	if config.ServerName == "" {
		config.ServerName = s.TCP.Host
	}
	if s.TCP.TLSCertFile != "" {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return ownCertificate(s)
		}
	}
	if s.TCP.TLSCAFile != "" {
		config.RootCAs, err = readCAs("tls_ca_file", s.TCP.TLSCAFile)
	}
	return config, err
}

func ownCertificate(s *Settings) (*tls.Certificate, error) {
	chain, err := trustedFile{key: "tls_cert_file", path: s.TCP.TLSCertFile}.read()
	if err != nil {
		return nil, err
	}
	key, err := trustedFile{key: "tls_key_file", path: s.TCP.TLSKeyFile, secret: true}.read()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fail(ErrSettings, "tls_cert_file %s with tls_key_file %s: %w", s.TCP.TLSCertFile, s.TCP.TLSKeyFile, err)
	}
	return &pair, nil
}

func readCAs(key, path string) (*x509.CertPool, error) {
	f := trustedFile{key: key, path: path}
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fail(ErrSettings, "%s: must hold certificates in PEM", f)
	}
	return pool, nil
}

// checkTLS finds what contradicts itself in the keys of TLS that an end of
// this kind uses: who names a certificate and forgets to switch TLS on must
// not be left without.
func (s *TCPSettings) checkTLS(server bool) error {
	used := [][2]string{{"tls_cert_file", s.TLSCertFile}, {"tls_key_file", s.TLSKeyFile}}
	if server {
		used = append(used, [2]string{"tls_client_ca_file", s.TLSClientCAFile})
	} else {
		used = append(used, [2]string{"tls_ca_file", s.TLSCAFile}, [2]string{"tls_server_name", s.TLSServerName})
	}
	for _, k := range used {
		if !s.TLS && k[1] != "" {
			return fail(ErrSettings, "socket.tcp.%s = %q needs tls = true: without it nothing is encrypted, and nobody is asked for a certificate", k[0], k[1])
		}
	}
	if missing := s.TLSCertFile == "" || s.TLSKeyFile == ""; missing && (s.TLSCertFile != s.TLSKeyFile || s.TLS && server) {
		return fail(ErrSettings, "socket.tcp.tls = true needs both tls_cert_file and tls_key_file: tls_cert_file = %q, tls_key_file = %q",
			s.TLSCertFile, s.TLSKeyFile)
	}
	return nil
}

// A tlsListener accepts connections that still need their handshake, which
// would hold up those behind them.
type tlsListener struct {
	net.Listener // of TCP
	config       *reloading[*tls.Config]
}

// withTLS makes a listener speak TLS.
func withTLS(l net.Listener, s *Settings) (net.Listener, error) {
	config, err := newReloading(func() (*tls.Config, error) { return serverTLS(s) },
		s.TCP.TLSCertFile, s.TCP.TLSKeyFile, s.TCP.TLSClientCAFile)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &tlsListener{l, config}, nil
}

func (l *tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsArrival{c.(*net.TCPConn), l.config}, nil
}

// A tlsArrival is a connection that a tlsListener has accepted, before its
// handshake: what is read and written is plain.
type tlsArrival struct {
	*net.TCPConn
	config *reloading[*tls.Config]
}

// secure does what an accepted connection needs before it carries frames: the
// handshake of TLS, for a server that speaks it. It ends with ctx, or when it
// has not been done until then. When it fails, c is still open.
func secure(ctx context.Context, until time.Time, c net.Conn, logger *slog.Logger) (net.Conn, error) {
	arrival, ok := c.(*tlsArrival)
	if !ok {
		return c, nil
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	config := arrival.config.get(logger)
	conn := newTLSConn(arrival.TCPConn, func(c net.Conn) *tls.Conn { return tls.Server(c, config) })
	err := conn.HandshakeContext(ctx)
	switch {
	case err == nil:
		return conn, nil
	case errors.As(err, new(tls.RecordHeaderError)):
		return nil, &plainPeerError{fail(ErrNotAllowed, "the server speaks TLS, and the client does not: set tls = true")}
	case contextError(ctx, err) != nil:
		return nil, fail(ErrTimeout, "the TLS handshake was not done in time (default_timeout)")
	}
	return nil, fail(ErrNotAllowed, "TLS handshake: %w", err)
}

// plainPeerError refuses a peer that does not speak TLS, and so can be told
// without.
type plainPeerError struct{ error }

func (e *plainPeerError) Unwrap() error { return e.error }

// secureDial makes a new connection to a server speak TLS.
func secureDial(ctx context.Context, c net.Conn, event string, config *tls.Config) (net.Conn, error) {
	conn := newTLSConn(c, func(c net.Conn) *tls.Conn { return tls.Client(c, config) })
	err := conn.HandshakeContext(ctx)
	if err == nil {
		return conn, nil
	}
	address := c.RemoteAddr()
	c.Close()
	if ended := contextError(ctx, err); ended != nil {
		return nil, ended
	}
	var ours *failure
	switch {
	case errors.As(err, &ours): // of our own certificate
		return nil, ours
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return nil, fail(ErrNotAllowed, "the server of event %q at %s is not trusted (tls_ca_file, tls_server_name): %w", event, address, err)
	case isTLSAlert(err):
		return nil, fail(ErrNotAllowed, "the server of event %q at %s refuses the TLS handshake: %w", event, address, err)
	case errors.As(err, new(tls.RecordHeaderError)):
		return nil, fail(ErrProtocol, "what listens at %s does not speak TLS, which tls = true asks for: %w", address, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), peerGone(err):
		return nil, fail(ErrNotConnected, "the server of event %q at %s closed the connection in the TLS handshake: it may be stopping, or not speak TLS", event, address)
	}
	return nil, fail(ErrProtocol, "no TLS with what listens at %s: %w", address, err)
}

// isTLSAlert tells whether the other end has ended the connection with an
// alert. crypto/tls has no type for those.
func isTLSAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// A tlsConn is a connection that speaks TLS. Its CloseWrite and Close tell the
// other end, so that a stream that was cut short can be told from one that was
// ended; neither waits long for an end that does not read.
type tlsConn struct {
	*tls.Conn
	tcp  net.Conn
	wire *tlsWire
}

func newTLSConn(c net.Conn, end func(net.Conn) *tls.Conn) *tlsConn {
	wire := &tlsWire{Conn: c, raw: newRawConn(c)}
	return &tlsConn{end(wire), c, wire}
}

// SetWriteDeadline goes past what a tlsWire allows to crypto/tls.
func (c *tlsConn) SetWriteDeadline(t time.Time) error { return c.tcp.SetWriteDeadline(t) }

// A tlsWire is what crypto/tls reads and writes: one goroutine at a time in
// each direction, as a rawConn needs it.
type tlsWire struct {
	net.Conn
	raw  *rawConn
	soon func([]byte) (int, error) // see rawConn.spinning
}

func (w *tlsWire) Read(p []byte) (int, error) {
	if w.soon != nil {
		if n, err := w.soon(p); n > 0 || err != nil {
			return n, err
		}
	}
	return w.raw.Read(p)
}

func (w *tlsWire) Write(p []byte) (int, error) { return w.raw.Write(p) }

// SetWriteDeadline is for the close of crypto/tls alone, which would wait five
// seconds for an end that does not read.
func (w *tlsWire) SetWriteDeadline(t time.Time) error {
	if limit := time.Now().Add(farewell); t.After(limit) {
		t = limit
	}
	return w.Conn.SetWriteDeadline(t)
}
