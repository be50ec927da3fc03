package socket

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// listenTCP listens on the configured port, or on the first free one of the
// range. Package net sets SO_REUSEADDR on listeners, so that a port is free
// as soon as its server is gone, and TCP_NODELAY on connections.
func listenTCP(ctx context.Context, s *Settings) (net.Listener, error) {
	ip, err := resolveListenHost(ctx, s.TCP.Host)
	if err != nil {
		return nil, err
	}
	if !ip.IP.IsLoopback() && !s.TCP.Insecure {
		return nil, fail(ErrNotAllowed,
			"host %q (%s) is not loopback, and a TCP server has no protection of its own: use a loopback host, or set insecure = true",
			s.TCP.Host, ip)
	}
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
		return nil, fail(ErrInUse, "cannot listen on %s: %w", address, syscall.EADDRINUSE)
	}
	if ended := contextError(ctx, err); ended != nil {
		return nil, ended
	}
	return nil, fail(ErrIO, "cannot listen on %s: %w", address, err)
}

// errPortMissing: a client cannot choose from a range.
var errPortMissing = fail(ErrInvalid, "Port must be provided for TCP socket client")

// dialTCP connects to the configured port. A name with several addresses is
// tried on all of them.
func dialTCP(ctx context.Context, event string, s *Settings) (net.Conn, error) {
	if s.TCP.Port <= 0 {
		return nil, errPortMissing
	}
	address := net.JoinHostPort(s.TCP.Host, strconv.Itoa(s.TCP.Port))
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	if ended := contextError(ctx, err); ended != nil {
		return nil, ended
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fail(ErrNoServer, "nobody serves %q: %s refuses connections", event, address)
	}
	return nil, fail(ErrIO, "cannot connect to %s: %w", address, err)
}
