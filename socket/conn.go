package socket

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

var ownPID = os.Getpid()

// silentAfter heartbeats without a word, a peer is taken for dead.
const silentAfter = 3

// farewell bounds the last words to a peer: the write of a goodbye, and, over
// TCP, the wait for the peer to close first, so that nothing on its way to
// the peer is lost to a reset.
const farewell = 250 * time.Millisecond

// conn is one client as its server sees it. One goroutine (Server.serve)
// reads it; its writer has one while there is something to write.
type conn struct {
	server    *Server
	raw       *rawConn
	info      ClientInfo
	cursor    *cursor
	writer    writer
	intake    intake
	heartbeat time.Duration
	readOnly  bool // the client may listen, and not send

	// Of server.mu. A client that turned out to be none, because its inspect
	// came late.
	inspects bool

	mu     sync.Mutex
	reason Reason // why the server ended it; ReasonNone: it did not
	text   string
	// impatience closes a connection whose peer does not, after a goodbye.
	impatience *time.Timer
}

func newConn(s *Server, raw *rawConn, p peer) *conn {
	c := &conn{
		server: s,
		raw:    raw,
		info:   ClientInfo{Address: p.address, PID: p.PID, UID: p.UID, GID: p.GID},
	}
	if s.transport == TCP {
		c.heartbeat = s.settings.TCP.Heartbeat
	}
	c.writer = writer{raw: raw, logger: s.logger, ended: c.writerEnded}
	c.cursor = &cursor{}
	if s.settings.SlowClient == SlowDisconnect {
		c.cursor.tooSlow = c.boundWrite
	}
	c.writer.attach(c.cursor)
	c.intake = intake{
		frames: newFrameReader(raw, s.cfg, c.cursor),
		inbox:  s.inbox,
		logger: s.logger,
		owner:  c,
	}
	c.intake.frames.ending = s.ctx.Done()
	return c
}

// maxGreeting bounds the frames of a peer that still has to show that it is to
// be let in: those of strangers are to cost little memory.
const maxGreeting = 16 << 10

// awaitHello waits for the peer's first words, hello or inspect, which stay in
// the intake's scratch. nil: it is an old client, of which nothing came for
// that time. What an old client has sent stays to be read. A server that asks
// for TLS or a token takes nobody for one, however long the peer says nothing.
func (c *conn) awaitHello(patience time.Duration, until time.Time) (*control, error) {
	s := c.server
	guarded := s.settings.guarded(s.transport)
	quiet := time.Now().Add(patience)
	if guarded {
		quiet = until
		c.intake.frames.maxSize = min(maxGreeting, s.settings.MaxMessageSize)
	}
	body, err := c.intake.frames.peek(quiet, until)
	switch silent := errors.Is(err, os.ErrDeadlineExceeded); {
	case silent && guarded:
		c.cursor.speaks = true // it will not hear of it otherwise
		return nil, fail(ErrNotAllowed, "the peer said no hello within %v (default_timeout); a server that asks for TLS or a token takes no old clients", s.settings.DefaultTimeout)
	case silent:
		return nil, nil
	case err != nil:
		return nil, err
	}
	hello := &c.intake.ctl
	isControl, err := parseBody(body, &c.intake.env, hello, nil)
	if isControl = isControl && (hello.kind == controlHello || hello.kind == controlInspect); err == nil && isControl {
		c.intake.frames.skip(body)
		c.intake.frames.quiet = silentAfter * c.heartbeat
		return hello, nil
	}
	if guarded {
		c.cursor.speaks = true
		return nil, fail(ErrNotAllowed, "the peer began without a hello; a server that asks for TLS or a token takes no old clients")
	}
	return nil, nil
}

// message takes a message of the client.
func (c *conn) message(e *Event) bool {
	s := c.server
	if !s.settings.AllowClientSend {
		return c.refuseMessage("the server takes no messages from clients (allow_client_send = false)")
	}
	if c.readOnly {
		return c.refuseMessage(fmt.Sprintf("clients of uid %d may listen and not send (readonly_uids)", c.info.UID))
	}
	s.received.Add(1)
	e.Client = c.info.ID
	return true
}

// refuseMessage drops a message, counts it and tells the client why.
func (c *conn) refuseMessage(why string) bool {
	c.server.refuse("refused a message of "+c.info.ID.String(), errors.New(why))
	c.tell(control{kind: controlRefused, reason: ReasonNotAllowed, text: why})
	return false
}

func (c *conn) control(ctl *control) error {
	switch {
	case ctl.kind == controlGoodbye:
		return &goodbyeError{ctl.reason, ctl.text}
	case c.cursor.understands():
	case ctl.kind == controlHello:
		c.server.joinLate(c, ctl)
		c.intake.frames.quiet = silentAfter * c.heartbeat
	case ctl.kind == controlInspect:
		c.answerLate()
	}
	return nil
}

// tell sends a control frame, at once, to a client that understands it and
// keeps up.
func (c *conn) tell(ctl control) {
	if c.cursor.understands() {
		_ = c.cursor.pushFirst(ctl.appendFrame(nil)) // too slow to be told: it has other worries
	}
}

// writerEnded runs on the writer's goroutine when it will not run again. When
// the peer is gone, the reader still takes what it sent before, and finds out
// why: it may have said goodbye.
func (c *conn) writerEnded(why nextState, err error) {
	switch why {
	case nextDrained:
		c.end(ReasonClosed, "the server was closed")
		c.goodbye(c.server.farewell())
	case nextSlow:
		c.end(ReasonSlow, slowText)
		c.goodbye(ReasonSlow, slowText)
	case nextBytes:
		if peerGone(err) {
			return
		}
		reason, text := reasonOf(err)
		if errors.Is(err, os.ErrDeadlineExceeded) { // of boundWrite
			reason, text = ReasonSlow, slowText
		}
		c.end(reason, text)
		c.raw.Close()
	}
}

const slowText = `the client did not keep up (slow_client = "disconnect")`

// boundWrite gives a client that is to go, because it was overtaken, time to
// take what is being written to it. If it does, it is told why it goes.
func (c *conn) boundWrite() {
	c.raw.SetWriteDeadline(time.Now().Add(c.server.settings.FrameTimeout))
}

// goodbye tells the client why, if it understands, and closes the connection.
func (c *conn) goodbye(reason Reason, text string) {
	var frame []byte
	if c.cursor.understands() {
		bye := control{kind: controlGoodbye, reason: reason, text: text}
		frame = bye.appendFrame(nil)
	}
	c.lastWords(frame, farewell)
}

// dismiss says goodbye to a client whose frames are not read any more, after
// what its writer has in hand. The rest is in the log when it comes back.
func (c *conn) dismiss(reason Reason, text string) {
	c.raw.SetWriteDeadline(time.Now().Add(farewell)) // its writer may wait for it
	c.cursor.leave()
	<-c.cursor.ended()
	c.goodbye(reason, text)
	c.awaitEnd()
}

// lastWords writes what is to be the last frame within that time, and closes
// the connection. Over TCP the client closes first: a reset would destroy what
// is on its way.
func (c *conn) lastWords(frame []byte, within time.Duration) {
	if frame != nil {
		c.raw.SetWriteDeadline(time.Now().Add(within))
		if _, err := c.raw.Write(frame); err != nil {
			c.raw.Close()
			return
		}
	}
	if c.server.transport == Unix || c.raw.CloseWrite() != nil {
		c.raw.Close()
		return
	}
	c.mu.Lock()
	c.impatience = time.AfterFunc(farewell, func() { c.raw.Close() })
	c.mu.Unlock()
}

// close ends what the connection still holds. Its reader has ended.
func (c *conn) close() {
	c.raw.Close()
	c.cursor.leave()
	<-c.cursor.ended()
	c.patient()
	if missed := c.cursor.abandon(); missed > 0 {
		c.server.logger.Warn("a client went without messages that were sent to it", "client", c.info.ID, "messages", missed)
	}
}

// end records why the server ended the connection. The first reason stays.
func (c *conn) end(reason Reason, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == ReasonNone {
		c.reason, c.text = reason, text
	}
}

// endReason is the recorded reason, else what the reader's error says.
func (c *conn) endReason(err error) (Reason, string) {
	reason, text := reasonOf(err)
	c.end(reason, text)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason, c.text
}

// refuse sends the peer away, with the reason.
func (c *conn) refuse(err error) {
	c.server.refuse("refused a client", err)
	reason, text := reasonOf(err)
	c.goodbye(reason, text)
	c.awaitEnd()
}

// awaitEnd waits for the peer of the last words to go: closing first could
// destroy them.
func (c *conn) awaitEnd() {
	frames := &c.intake.frames
	defer frames.close()
	frames.r = frames.w
	for frames.fill() == nil {
		frames.r = frames.w
	}
	c.patient()
}

// patient stops the timer of goodbye: the connection is closed.
func (c *conn) patient() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.impatience != nil {
		c.impatience.Stop()
	}
}
