package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// listenTCP listens on the configured port, or on the first free one of the
// range.
func listenTCP(ctx context.Context, s *Settings) (net.Listener, error) {
	if err := s.TCP.checkTLS(true); err != nil {
		return nil, err
	}
	ip, err := resolveListenHost(ctx, s.TCP.Host)
	if err != nil {
		return nil, err
	}
	return guarded(ip, s, func() (net.Listener, error) { return listenPorts(ctx, ip, s) })
}

// guarded listens, if that may be done at the address, and speaks TLS there if
// the settings say so.
func guarded(ip net.IPAddr, s *Settings, listen func() (net.Listener, error)) (net.Listener, error) {
	if err := s.TCP.checkExposure(ip); err != nil {
		return nil, err
	}
	l, err := listen()
	if err != nil || !s.TCP.TLS {
		return l, err
	}
	return withTLS(l, s)
}

// checkExposure judges the address of a server, which other machines may reach.
func (s *TCPSettings) checkExposure(ip net.IPAddr) error {
	switch {
	case ip.IP.IsLoopback(), s.TLS:
		return nil
	case s.TokenFile != "":
		return fail(ErrNotAllowed,
			"host %q (%s) is not loopback, and a token without TLS protects nothing that others can read or change on its way: set tls = true, or use a loopback host",
			s.Host, ip.String())
	case s.Insecure:
		return nil
	}
	return fail(ErrNotAllowed,
		"host %q (%s) is not loopback, and without TLS a server has no protection there: use a loopback host, set tls = true, or set insecure = true",
		s.Host, ip.String())
}

// openToAll says what a running server lets in that nobody has to have meant;
// "" is nothing.
func (s *TCPSettings) openToAll(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	switch {
	case !ok || tcp.IP.IsLoopback() || s.TokenFile != "" || s.TLSClientCAFile != "":
		return ""
	case s.TLS:
		return "everybody who can reach the address may join: clients are asked for neither a certificate (tls_client_ca_file) nor a token (token_file)"
	}
	return "everybody who can reach the address may join, and read what is sent (insecure = true)"
}

// listenPorts listens on the port, or on the first of the range that is free.
// Package net sets SO_REUSEADDR on listeners, so that a port is free as soon as
// its server is gone, and TCP_NODELAY on connections.
func listenPorts(ctx context.Context, ip net.IPAddr, s *Settings) (net.Listener, error) {
	if s.TCP.Port >= 0 {
		return listenPort(ctx, ip, s.TCP.Port)
	}
	for port := s.TCP.PortRangeStart; port <= s.TCP.PortRangeEnd; port++ {
		l, err := listenPort(ctx, ip, port)
		if err == nil || !errors.Is(err, ErrInUse) {
			return l, err
		}
	}
	return nil, fail(ErrNoPort, "No available port in range %d-%d", s.TCP.PortRangeStart, s.TCP.PortRangeEnd)
}

// resolveListenHost returns the one address that a server on the host binds.
// Of a name with several it is the first of IPv4, as it is for every client
// that does not speak IPv6.
func resolveListenHost(ctx context.Context, host string) (net.IPAddr, error) {
	addrs, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		if ended := contextError(ctx, err); ended != nil {
			return net.IPAddr{}, ended
		}
		return net.IPAddr{}, fail(ErrIO, "host %q: %w", host, err)
	}
	for _, addr := range addrs {
		if addr.IP.To4() != nil {
			return addr, nil
		}
	}
	return addrs[0], nil
}

func listenPort(ctx context.Context, ip net.IPAddr, port int) (net.Listener, error) {
	network := "tcp"
	if ip.IP.To4() != nil {
		network = "tcp4" // else 0.0.0.0 would take in IPv6 as well
	}
	address := net.JoinHostPort(ip.String(), strconv.Itoa(port))
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fail(ErrInUse, "cannot listen on %s: %w: set port to another one, to -1 for one of the range, or to 0 for any", address, syscall.EADDRINUSE)
	}
	if ended := contextError(ctx, err); ended != nil {
		return nil, ended
	}
	return nil, fail(ErrIO, "cannot listen on %s: %w", address, err)
}

// prepareDialTCP finds out what no server could make good: settings that
// contradict themselves, and files that cannot be used. The config is nil
// without TLS.
func prepareDialTCP(s *Settings) (*tls.Config, error) {
	if s.TCP.Port <= 0 { // a client cannot choose from a range
		return nil, fail(ErrInvalid, "Port must be provided for TCP socket client: set port to the server's")
	}
	if err := s.TCP.checkTLS(false); err != nil || !s.TCP.TLS {
		return nil, err
	}
	return clientTLS(s)
}

// dialTCP connects to the configured port. A name with several addresses is
// tried on all of them.
func dialTCP(ctx context.Context, event string, s *Settings) (net.Conn, error) {
	config, err := prepareDialTCP(s)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(s.TCP.Host, strconv.Itoa(s.TCP.Port))
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	switch {
	case err != nil && contextError(ctx, err) != nil:
		return nil, contextError(ctx, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fail(ErrNoServer, "nobody serves %q: %s refuses connections", event, address)
	case err != nil:
		return nil, fail(ErrIO, "cannot connect to %s: %w", address, err)
	case config != nil:
		return secureDial(ctx, conn, event, config)
	}
	if remote := conn.RemoteAddr().(*net.TCPAddr); s.TCP.TokenFile != "" && !remote.IP.IsLoopback() {
		conn.Close()
		return nil, fail(ErrNotAllowed,
			"the server of event %q at %s is not on loopback, and a token without TLS protects nothing that others can read or change on its way: set tls = true",
			event, remote)
	}
	return conn, nil
}
