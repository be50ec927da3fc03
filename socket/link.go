package socket

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// welcomeWait is how long a client waits for the server's welcome. A server
// that says nothing for so long, and does not hold the lock of its name, is
// taken for an old one; should the welcome come after all, as the first frame,
// it still counts.
const welcomeWait = 100 * time.Millisecond

// link is one connection of a client to its server.
type link struct {
	client *Client
	raw    *rawConn
	peer   peer
	cursor *cursor // in client.out
	writer writer
	intake intake
	file   fileIdentity // the socket file that was connected to
	began  time.Time    // the attempt to connect

	// Of the client's own goroutine.
	attached  bool
	welcomed  bool // the server is a new one
	restarted bool // and not the run of it that welcomed the client before
	next      uint64
	heartbeat time.Duration
	stop      []func() // ends the link's helpers

	mu       sync.Mutex
	writeErr error
}

// connect dials and shakes hands, for at most default_timeout.
func (c *Client) connect(callers context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(callers, c.settings.DefaultTimeout)
	defer cancel()
	began := time.Now()
	identity, _ := socketIdentity(c.transport, c.event, c.settings)
	netConn, err := dial(ctx, c.transport, c.event, c.settings)
	if err != nil {
		return nil, c.connectError(callers, err)
	}
	netConn = loosen(netConn, c.cfg.Pollset)
	l := &link{
		client: c,
		raw:    newRawConn(netConn),
		peer:   peerOf(netConn),
		file:   identity,
		began:  began,
	}
	l.writer = writer{raw: l.raw, logger: c.logger, ended: l.writerEnded}
	l.cursor = &cursor{}
	l.writer.attach(l.cursor)
	l.intake = intake{
		frames: newFrameReader(l.raw, c.cfg, l.cursor),
		inbox:  c.inbox,
		logger: c.logger,
		owner:  l,
	}
	if err := l.shakeHands(ctx); err != nil {
		l.raw.Close()
		return nil, c.connectError(callers, err)
	}
	return l, nil
}

// attended starts what a connection needs beside reading and writing: pings to
// a new server that wants them, and an eye on the socket file of an old one.
func (l *link) attended() {
	switch {
	case !l.welcomed:
		l.watchFile()
	case l.heartbeat > 0:
		l.beat()
	}
}

// connectError tells the end of default_timeout from that of the caller's
// context.
func (c *Client) connectError(callers context.Context, err error) error {
	if ended := callers.Err(); ended != nil {
		return ended
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fail(ErrTimeout, "the server of event %q did not answer within %v (default_timeout)", c.event, c.settings.DefaultTimeout)
	}
	return err
}

// shakeHands says hello, has the server prove that it knows the token, if
// there is one, and waits a moment for the welcome. What ctx has closed is no
// connection, also where all had been said before.
func (l *link) shakeHands(ctx context.Context) (err error) {
	stop := context.AfterFunc(ctx, func() { l.raw.Close() })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
	}()
	c := l.client
	token, err := c.settings.token(c.transport)
	if err != nil {
		return err
	}
	hello := c.hello()
	if token != nil {
		hello.nonce = newNonce()
	}
	_, err = l.raw.Write(hello.appendFrame(nil))
	if err != nil && !peerGone(err) { // who is gone may have said why
		return l.handshakeError(ctx, err)
	}
	if token != nil {
		until, _ := ctx.Deadline()
		if err := token.prove(hello.nonce, l.raw, &l.intake.frames, until); err != nil {
			return l.handshakeError(ctx, err)
		}
	}
	body, err := l.awaitWelcome(ctx)
	switch {
	case err != nil:
		return l.handshakeError(ctx, err)
	case body == nil:
		return nil
	}
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	if err == nil && isControl && (ctl.kind == controlWelcome || ctl.kind == controlGoodbye) {
		l.intake.frames.skip(body)
		return l.control(&ctl)
	}
	return nil
}

// awaitWelcome waits for the server's first frame; nil says that an old server
// has not sent one. A server that holds the lock of the name is a new one: it
// is waited for until ctx ends, however busy it is.
func (l *link) awaitWelcome(ctx context.Context) ([]byte, error) {
	// Longer for one that is far away: what came until now took a round trip
	// or two.
	until := time.Now().Add(max(welcomeWait, 4*time.Since(l.began)))
	body, err := l.intake.frames.peek(until, until)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return body, err
	}
	c := l.client
	if c.transport != Unix || !servedByLocker(c.settings.SocketDir, c.event, l.peer.PID) {
		return nil, nil
	}
	until, _ = ctx.Deadline()
	body, err = l.intake.frames.peek(until, until)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	return body, err
}

// handshakeError is why a connection ended before it was one.
func (l *link) handshakeError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended // which closed the connection
	}
	return handshakeError(l.client.event, err)
}

// handshakeError says why a connection ended before it was one.
func handshakeError(event string, err error) error {
	switch {
	case isTLSAlert(err):
		return fail(ErrNotAllowed, "the server of event %q refuses this client (tls_cert_file): %w", event, err)
	case errors.Is(err, ErrNotAllowed), errors.As(err, new(*goodbyeError)):
		return err
	}
	switch reason, text := reasonOf(err); reason {
	case ReasonEOF:
		return fail(ErrNotConnected, "the server of event %q closed the connection at once", event)
	case ReasonProtocol, ReasonTooLarge:
		return fail(ErrProtocol, "what serves event %q does not speak the protocol: %s", event, text)
	}
	return fail(ErrIO, "no connection to the server of event %q: %w", event, err)
}

// hello is the first frame of a connection, with where to resume.
func (c *Client) hello() *control {
	hello := control{kind: controlHello, version: wireVersion, name: c.settings.clientName(), pid: ownPID}
	hello.types = c.types
	if c.epoch != 0 {
		hello.hasResume, hello.epoch, hello.seq = true, c.epoch, c.next
	}
	return &hello
}

// read takes what the server sends until the connection ends.
func (l *link) read() error {
	err := l.intake.run()
	if l.welcomed {
		l.client.next = l.next
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writeErr != nil && !errors.As(err, new(*goodbyeError)) {
		return l.writeErr
	}
	return err
}

// message numbers a message of the server. One that did not welcome the client
// sends every type.
func (l *link) message(e *Event) bool {
	if l.welcomed && !e.Unicast && !e.Retained {
		e.Seq = l.next
		l.next++
	}
	return l.welcomed || l.client.types.has(e.Type)
}

func (l *link) control(ctl *control) error {
	switch ctl.kind {
	case controlWelcome:
		if !l.welcomed {
			l.welcome(ctl)
		}
	case controlLagged:
		l.next = ctl.to + 1
		l.client.logger.Warn("messages were missed", "missed", ctl.missed, "from", ctl.from, "to", ctl.to)
		l.tell(Event{Kind: EventLagged, Seq: ctl.from, Count: ctl.missed})
	case controlSeq:
		l.next = ctl.seq
	case controlSynced:
		l.tell(Event{Kind: EventSynced, Seq: ctl.seq})
	case controlRefused:
		l.client.logger.Warn("the server refused a message", "reason", ctl.reason, "text", ctl.text)
		l.tell(Event{Kind: EventRefused, Reason: ctl.reason, Text: ctl.text})
	case controlGoodbye:
		return &goodbyeError{ctl.reason, ctl.text}
	}
	return nil
}

// tooLarge tells of a message that is larger than this client takes. It is
// passed over: on another connection it would come again. Only a broadcast,
// whose body has five keys, has a number.
func (l *link) tooLarge(size int, first byte) {
	l.intake.flush()
	l.client.logger.Warn("a message of the server is too large for this client (max_message_size)",
		"bytes", size, "max_message_size", l.client.settings.MaxMessageSize)
	if first == fiveKeys {
		l.tell(Event{Kind: EventLagged, Seq: l.next, Count: 1})
		l.next++
	}
}

// tell gives the host an event that the server has caused. A host that takes
// none stops the reading here too: a server must not fill the memory.
func (l *link) tell(e Event) {
	if !l.intake.frames.lent {
		l.client.inbox.awaitRoom()
	}
	l.client.inbox.force(e)
}

// welcome starts the numbering. What a server before this one has sent is
// over with its epoch.
func (l *link) welcome(ctl *control) {
	l.welcomed = true
	l.next = ctl.seq
	l.restarted = ctl.epoch != l.client.epoch
	l.client.epoch, l.client.next = ctl.epoch, ctl.seq
	l.heartbeat = time.Duration(ctl.heartbeatMs) * time.Millisecond
	l.intake.frames.quiet = silentAfter * l.heartbeat
	l.intake.frames.tooLarge = l.tooLarge
	l.client.serverLimit.Store(ctl.maxMessageSize)
	l.client.out.mu.Lock()
	l.cursor.speaks = true
	l.client.out.mu.Unlock()
	if l.attached {
		l.attended() // it came late
	}
}

// writerEnded runs on the writer's goroutine when it will not run again.
func (l *link) writerEnded(why nextState, err error) {
	switch why {
	case nextDrained:
		if l.cursor.understands() {
			bye := control{kind: controlGoodbye, reason: ReasonClosed}
			l.raw.SetWriteDeadline(time.Now().Add(farewell))
			_, _ = l.raw.Write(bye.appendFrame(nil)) // a courtesy
		}
	case nextBytes:
		l.mu.Lock()
		l.writeErr = err
		l.mu.Unlock()
		if !peerGone(err) {
			l.raw.Close()
		}
	}
}

// finish closes the connection when all that was sent is written, or the time
// is up. Over TCP the server closes first: a close with messages unread would
// be a reset, which destroys what is on its way.
func (l *link) finish(linger time.Duration) {
	defer l.raw.Close()
	timeout := time.NewTimer(linger)
	defer timeout.Stop()
	select {
	case <-l.cursor.ended():
	case <-timeout.C:
		return
	}
	if l.client.transport == Unix || l.raw.CloseWrite() != nil {
		return
	}
	l.client.inbox.stop() // or the reader might not come to the end
	select {
	case <-l.client.ended:
	case <-timeout.C:
	}
}

// close ends the link and returns where the next one's cursor starts.
func (l *link) close() uint64 {
	for _, stop := range l.stop {
		stop()
	}
	l.raw.Close()
	l.cursor.leave()
	<-l.cursor.ended()
	return l.cursor.leave() // behind what the writer took back
}

// unwatchedLook is how often a client of an old server looks at the socket
// file where nothing can be watched.
const unwatchedLook = time.Second

// watchFile ends the link when the socket file goes away or becomes another
// one: an old server that was stopped in a living process closes nothing.
// What it has sent is still read.
func (l *link) watchFile() {
	c := l.client
	if c.transport != Unix {
		return
	}
	watch := watchServer(c.transport, c.event, c.settings)
	if watch.C == nil {
		l.lookAtFile(watch, unwatchedLook)
	} else {
		l.lookAtFile(watch, watchedRetry)
	}
}

// lookAtFile looks whenever there is a tick of the watch, which it closes,
// and by itself every so often.
func (l *link) lookAtFile(watch *serverWatch, every time.Duration) {
	c := l.client
	timer := time.NewTicker(every)
	cleanup := func() {
		timer.Stop()
		watch.Close()
	}
	l.helper(cleanup, func(done <-chan struct{}) {
		for {
			if id, ok := socketIdentity(c.transport, c.event, c.settings); !ok || id != l.file {
				l.intake.frames.hurry()
				return
			}
			select {
			case <-watch.C:
			case <-timer.C:
			case <-done:
				return
			}
		}
	})
}

// beat pings the server.
func (l *link) beat() {
	tick := time.NewTicker(l.heartbeat)
	l.helper(tick.Stop, func(done <-chan struct{}) {
		for {
			select {
			case <-tick.C:
				l.cursor.ping()
			case <-done:
				return
			}
		}
	})
}

// helper runs f on a goroutine that close ends and waits for.
func (l *link) helper(cleanup func(), f func(done <-chan struct{})) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer recovered(l.client.logger, "link")
		f(done)
	}()
	l.stop = append(l.stop, func() {
		close(done)
		<-ended
		cleanup()
	})
}
