package socket

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Inspect asks the server of the event how it is. It does not become a client:
// it takes no place among max_connections, and the server's host is not told.
// Of cfg only the settings count; default_timeout bounds the whole.
//
// The state is StateLive, StateOld or StateSilent. A server that does not
// answer within 100 ms is taken for an old one, unless its lock file says that
// it is a new one, or TLS or a token is asked for. Over TCP the event of a live
// one may be another: it is what serves the port.
//
// Errors: ErrInvalid, ErrSettings, ErrNoServer, ErrNotAllowed when either end
// does not trust the other, ErrMaxConnections when others ask as well,
// ErrProtocol, ErrIO, ErrNotConnected when the server closed the connection,
// as one that is stopping does, ErrTimeout when TCP did not connect in time.
func Inspect(ctx context.Context, t Transport, event string, cfg Config) (ServerInfo, error) {
	cfg, err := cfg.prepare(t, event)
	if err != nil {
		return ServerInfo{}, err
	}
	i := inspection{transport: t, event: event, settings: cfg.Settings}
	return i.run(ctx)
}

// An inspection is one question to one server.
type inspection struct {
	transport Transport
	event     string
	settings  *Settings
}

// inspectAttempts is how often a server is asked that closes the connection
// instead of answering: it is being replaced, or took us for an old client.
const inspectAttempts = 3

func (i *inspection) run(ctx context.Context) (info ServerInfo, err error) {
	bounded, cancel := context.WithTimeout(ctx, i.settings.DefaultTimeout)
	defer cancel()
	for range inspectAttempts {
		info, err = i.attempt(ctx, bounded)
		if !errors.Is(err, ErrNotConnected) {
			break
		}
	}
	switch {
	case err == nil:
		return info, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		err = fail(ErrTimeout, "the server of event %q did not accept a connection within %v (default_timeout)", i.event, i.settings.DefaultTimeout)
	}
	return ServerInfo{}, err
}

// attempt connects and asks. A new server on Unix is known by its lock file, and
// has more time to answer. The file may have been cleaned away, and who listens
// on a socket of the service manager has none: without it the server is asked
// all the same.
func (i *inspection) attempt(ctx, bounded context.Context) (ServerInfo, error) {
	began := time.Now()
	pid, locked := lockHolder(i.settings.SocketDir, i.event)
	conn, err := dial(bounded, i.transport, i.event, i.settings)
	if i.transport == Unix && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return i.crowded(pid), nil
	}
	if err != nil {
		return ServerInfo{}, err
	}
	raw, p := newRawConn(conn), peerOf(conn)
	defer raw.Close()
	interrupt := context.AfterFunc(ctx, func() { raw.Close() })
	defer interrupt()

	// What is slow to connect to is as slow to answer.
	state, until := StateOld, time.Now().Add(max(welcomeWait, 4*time.Since(began)))
	if !locked {
		pid, locked = lockHolder(i.settings.SocketDir, i.event) // unless it has just begun to listen
	}
	switch {
	case i.transport == Unix && locked && (pid == p.PID || pid == 0), i.settings.guarded(i.transport):
		state = StateSilent
		until, _ = bounded.Deadline()
	}
	info, err := i.ask(raw, until)
	switch {
	case err == nil:
		info.Transport, info.UID = i.transport, p.UID
	case errors.Is(err, os.ErrDeadlineExceeded):
		leave(raw)
		info, err = i.found(state, p), nil
	}
	return info, err
}

// crowded is what is known of a server on Unix whose queue of connections has
// been full all the time. pid is what the lock file says, 0 if nothing.
func (i *inspection) crowded(pid int) ServerInfo {
	path := filepath.Join(i.settings.SocketDir, socketName(i.event))
	p := peer{Peer: Peer{PID: pid, UID: -1}, address: path}
	if file, err := os.Lstat(path); err == nil {
		p.UID = ownerOf(file).uid
	}
	return i.found(StateSilent, p)
}

// ask waits for the answer until then. What comes before it is for a client,
// which we are taken for.
func (i *inspection) ask(raw *rawConn, until time.Time) (ServerInfo, error) {
	frames := frameReader{src: raw, maxSize: max(i.settings.MaxMessageSize, maxInfo)}
	defer frames.close()
	question := control{kind: controlInspect, version: wireVersion, name: i.settings.clientName(), pid: ownPID}
	token, err := i.settings.token(i.transport)
	if err != nil {
		return ServerInfo{}, err
	}
	if token != nil {
		question.nonce = newNonce()
	}
	if _, err := raw.Write(question.appendFrame(nil)); err != nil && !peerGone(err) { // who is gone may have said why
		return ServerInfo{}, handshakeError(i.event, err)
	}
	if token != nil {
		err := token.prove(question.nonce, raw, &frames, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ServerInfo{}, err
		case err != nil:
			return ServerInfo{}, handshakeError(i.event, err)
		}
	}
	for {
		body, err := frames.peek(until, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ServerInfo{}, err
		case err != nil:
			return ServerInfo{}, handshakeError(i.event, err)
		}
		frames.skip(body)
		var env envelope
		var ctl control
		if isControl, err := parseBody(body, &env, &ctl, nil); err != nil || !isControl {
			continue
		}
		switch ctl.kind {
		case controlInfo:
			return *ctl.info, nil
		case controlGoodbye:
			return ServerInfo{}, &goodbyeError{ctl.reason, ctl.text}
		}
	}
}

// leave ends the connection to an old server, which one that just goes away
// can bring to a standstill: it is told first, and lets its client go.
func leave(raw *rawConn) {
	if raw.CloseWrite() == nil && raw.SetReadDeadline(time.Now().Add(silence)) == nil {
		_, _ = io.Copy(io.Discard, raw)
	}
}

// found is what is known of a server that does not answer.
func (i *inspection) found(state ServerState, p peer) ServerInfo {
	return ServerInfo{State: state, Event: i.event, Transport: i.transport, Address: p.address, PID: p.PID, UID: p.UID}
}
