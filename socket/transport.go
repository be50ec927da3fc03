package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
)

// Transport names what carries the bytes between server and clients.
type Transport string

// The transports.
const (
	// Unix: a socket file named for the event. Peers are known by user and
	// process.
	Unix Transport = "unix"
	// TCP: an address and a port.
	TCP Transport = "tcp"
)

// ParseTransport returns the transport of that name, in any case.
func ParseTransport(name string) (Transport, error) {
	switch t := Transport(strings.ToLower(name)); t {
	case Unix, TCP:
		return t, nil
	}
	return "", unknownTransport(name)
}

func unknownTransport(name string) error {
	return fail(ErrInvalid, `unknown transport %q: it is "unix" or "tcp"`, name)
}

// listen takes the event's name or port and listens on it. Closing the
// listener gives it back, and removes no file but its own.
func listen(ctx context.Context, t Transport, event string, s *Settings) (net.Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch t {
	case Unix:
		return listenUnix(ctx, event, s)
	case TCP:
		return listenTCP(ctx, s)
	}
	return nil, unknownTransport(string(t))
}

// checkDial finds what is wrong with a client before it looks for its server.
func checkDial(t Transport, s *Settings) error {
	if t != TCP {
		return nil
	}
	if _, err := prepareDialTCP(s); err != nil {
		return err
	}
	_, err := s.token(t)
	return err
}

// listenService is listen for a process that a service manager may have passed
// sockets to: it prefers the one that is for the event. It returns how many
// were passed when none is.
func listenService(ctx context.Context, t Transport, event string, s *Settings, env environment) (l net.Listener, unmatched int, err error) {
	if s.SocketActivation {
		l, unmatched, err = listenPassed(ctx, t, event, s, env)
	}
	if l == nil && err == nil {
		l, err = listen(ctx, t, event, s)
	}
	return l, unmatched, err
}

// dial connects to the server of the event. How long it may take is ctx's
// business; the error of an ended ctx is returned as it is.
func dial(ctx context.Context, t Transport, event string, s *Settings) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch t {
	case Unix:
		return dialUnix(ctx, event, s)
	case TCP:
		return dialTCP(ctx, event, s)
	}
	return nil, unknownTransport(string(t))
}

// contextError returns the error of ctx when that is why a call of package
// net failed with err, else nil.
func contextError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	// net watches the deadline with a timer of its own, which may be first.
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return nil
}
