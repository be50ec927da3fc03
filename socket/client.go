package socket

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Client is joined to the event of one server. All methods may be called by
// several goroutines at once, and from OnEvent.
//
// One goroutine reads the connection into an inbox, and brings the connection
// back when it is lost; what has arrived stays. A full inbox stops the
// reading, so that nothing is dropped here.
type Client struct {
	transport Transport
	event     string
	cfg       Config
	settings  *Settings
	logger    *slog.Logger
	encoder   *encoder
	inbox     *inbox
	types     typeSet
	out       *log // what was sent and is not written yet

	ctx     context.Context // ends when Close begins
	cancel  context.CancelFunc
	closing sync.Once
	ended   chan struct{} // the connection's goroutine has ended
	done    chan struct{}

	connected   atomic.Bool
	serverLimit atomic.Uint64 // the server's max_message_size; 0: not told

	mu    sync.Mutex
	link  *link  // nil while not connected
	cause string // why it is not; "": not known yet

	// Of the connection's goroutine alone.
	delays  *backoff // between attempts to connect
	epoch   uint64   // of the server last welcomed by; 0: none, or an old one
	next    uint64   // the broadcast that comes next in that epoch
	sentSeq uint64   // where the next link's cursor starts in out
}

// outBytes bounds what a client has sent and the connection has not taken.
const outBytes = 1 << 20

// Dial opens a client of the event and connects it. Nothing that the server
// sends after Dial has returned is missed. ctx and the setting default_timeout
// bound the connecting; Close ends the client.
//
// With wait_for_server, Dial returns at once and the client connects when the
// server is there: EventConnected tells.
//
// Errors: ErrInvalid, ErrSettings, ErrNoServer, ErrMaxConnections,
// ErrNotAllowed, ErrTimeout, ErrProtocol, ErrIO; ErrNotConnected when the
// server closed the connection at once, as one that is stopping does.
func Dial(ctx context.Context, t Transport, event string, cfg Config) (*Client, error) {
	cfg, err := cfg.prepare(t, event)
	if err != nil {
		return nil, err
	}
	set := cfg.Settings
	if err := checkDial(t, set); err != nil {
		return nil, err // also with wait_for_server
	}
	c := &Client{
		transport: t,
		event:     event,
		cfg:       cfg,
		settings:  set,
		encoder:   newEncoder(event, set.Location, set.MaxMessageSize),
		inbox:     newInbox(set, cfg.Notify),
		types:     newTypeSet(set.Types),
		out: newLog(logLimits{
			messages: 1 << 32,
			bytes:    outBytes,
			policy:   policyBlock,
			timeout:  set.SendTimeout,
			attended: true,
			gather:   cfg.gathers(),
		}),
		delays:  newBackoff(set.reconnectDelays(t)),
		sentSeq: 1,
		ended:   make(chan struct{}),
		done:    make(chan struct{}),
	}
	c.inbox.polls = cfg.Pollset
	c.logger = cfg.logger(c.inbox).With("event", event)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for _, w := range set.Warnings {
		c.logger.Warn(w)
	}
	var first *link
	if !set.WaitForServer {
		if first, err = c.connect(ctx); err != nil {
			c.cancel()
			return nil, withWarnings(err, set.Warnings)
		}
		c.attach(first)
	}
	go c.run(first)
	if cfg.OnEvent != nil {
		go func() { // ends after EventClosed
			c.inbox.dispatch(cfg.OnEvent, c.logger)
			close(c.done)
		}()
	}
	return c, nil
}

// withWarnings adds the keys that are not known to the error that there is no
// server: one of them may have been meant to say where it is.
func withWarnings(err error, warnings []string) error {
	if len(warnings) == 0 || !errors.Is(err, ErrNoServer) {
		return err
	}
	return fail(ErrNoServer, "%w; %s", err, strings.Join(warnings, "; "))
}

// run owns the connection until Close: it reads it, and brings it back.
func (c *Client) run(l *link) {
	defer close(c.ended)
	defer recovered(c.logger, "client")
	var delay time.Duration
	for {
		if l == nil {
			if l = c.reconnect(delay); l == nil {
				return
			}
			c.attach(l)
		}
		err := l.read()
		c.detach(l, err)
		delay = c.delayAfter(l)
		l = nil
		if c.ctx.Err() != nil {
			return
		}
		if !c.settings.Reconnect {
			if c.cfg.OnEvent == nil {
				_, text := reasonOf(err)
				c.inbox.finish(fail(ErrNotConnected, "client of event %q has lost its connection, and reconnect is off: %s", c.event, text))
			}
			return
		}
		c.awaitHost()
	}
}

// attach makes a link the client's connection.
func (c *Client) attach(l *link) {
	if !l.welcomed {
		c.serverLimit.Store(0) // what the server before it has told is over
	}
	c.out.mu.Lock()
	tooLarge := c.dropTooLarge()
	c.out.join(l.cursor, c.sentSeq)
	c.out.mu.Unlock()
	l.attached = true
	l.attended()
	c.mu.Lock()
	late := c.ctx.Err() != nil // Close may have looked for a link already
	c.link, c.cause = l, ""
	c.connected.Store(true)
	c.mu.Unlock()
	c.logger.Info("connected", "address", l.peer.address)
	c.inbox.force(Event{Kind: EventConnected, Seq: l.next, Address: l.peer.address, Peer: &l.peer.Peer})
	for _, text := range tooLarge {
		c.logger.Warn("a message is not sent", "reason", ReasonTooLarge, "text", text)
		c.inbox.force(Event{Kind: EventRefused, Reason: ReasonTooLarge, Text: text})
	}
	l.cursor.release()
	if late {
		l.raw.Close()
	}
}

// dropTooLarge drops what was kept for the server and is larger than it takes,
// which the server before it may have taken, and says so of each. Called with
// out.mu.
func (c *Client) dropTooLarge() (texts []string) {
	limit := c.serverLimit.Load()
	if limit == 0 {
		return nil
	}
	c.sentSeq = c.out.drop(c.sentSeq, func(frame []byte) bool {
		size := uint64(len(frame) - lengthSize)
		if size > limit {
			texts = append(texts, fmt.Sprintf("a message of %d bytes was kept for a server whose max_message_size is %d", size, limit))
		}
		return size > limit
	})
	return texts
}

// detach takes note that a link is over. What was sent and not yet given to
// the connection is kept for the next one.
func (c *Client) detach(l *link, err error) {
	reason, text := reasonOf(err)
	if c.ctx.Err() != nil {
		reason, text = ReasonClosed, "closed"
	}
	c.mu.Lock()
	c.link, c.cause = nil, text
	c.connected.Store(false)
	c.mu.Unlock()
	c.sentSeq = l.close()
	c.logger.Info("disconnected", "reason", reason, "text", text)
	c.inbox.force(Event{Kind: EventDisconnected, Reason: reason, Text: text})
}

// Send sends to the server. It returns when the message is in the outgoing
// buffer, and waits for room there for at most send_timeout. What is unset in
// the message is filled in.
//
// Errors: ErrNotConnected, whose text names the last cause; ErrBadMessage, also
// for a RetainKey, which is a server's; ErrTooLarge, ErrTimeout, ErrClosed.
func (c *Client) Send(m Message) error {
	switch {
	case c.ctx.Err() != nil:
		return c.named(ErrClosed)
	case !c.connected.Load():
		return c.named(ErrNotConnected)
	case m.RetainKey != "":
		return fail(ErrBadMessage, "retain_key %.40q: only a server keeps messages for newcomers, and this one goes to a server: leave it unset", m.RetainKey)
	}
	var d draft
	if err := c.encoder.draft(&d, &m, extraNone); err != nil {
		return err
	}
	defer d.release()
	if size, limit := uint64(d.size()-lengthSize), c.serverLimit.Load(); limit > 0 && size > limit {
		return fail(ErrTooLarge, "message of %d bytes; the server's max_message_size is %d", size, limit)
	}
	return c.named(c.out.append(&d, m.Type, ""))
}

// named puts the client's name into a bare error.
func (c *Client) named(err error) error {
	switch err {
	case ErrClosed:
		return fail(ErrClosed, "client of event %q is closed", c.event)
	case ErrNotConnected:
		return c.notConnected()
	case ErrTimeout:
		return fail(ErrTimeout, "the server of event %q has not read for %v (send_timeout)", c.event, c.settings.SendTimeout)
	}
	return err
}

// notConnected is ErrNotConnected with the last cause, if there is one.
func (c *Client) notConnected() error {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	if cause == "" {
		return fail(ErrNotConnected, "client of event %q is not connected to its server", c.event)
	}
	return fail(ErrNotConnected, "client of event %q is not connected to its server: %s", c.event, cause)
}

// SendMany sends messages in order and returns how many were sent. It stops
// at the first error.
func (c *Client) SendMany(messages []Message) (int, error) {
	return sendMany(messages, c.Send)
}

// Event returns the event's name.
func (c *Client) Event() string { return c.event }

// Connected reports whether there is a connection at this moment.
func (c *Client) Connected() bool { return c.connected.Load() }

// Buffered returns how many messages have arrived and were not taken.
func (c *Client) Buffered() int { return c.inbox.waiting() }

// ClearBuffer drops the messages that have arrived and were not taken.
func (c *Client) ClearBuffer() { c.inbox.dropMessages() }

// Receive waits for the next message. Other events are passed over.
//
// Errors: that of ctx; ErrNotConnected when the connection is gone, all that
// had arrived was received, and reconnect is off; ErrClosed after Close.
func (c *Client) Receive(ctx context.Context) (Message, error) {
	if err := c.pulled(); err != nil {
		return Message{}, err
	}
	var b Batch
	for {
		if err := c.inbox.fill(ctx, &b, 1); err != nil {
			return Message{}, err
		}
		if e := &b.Events[0]; e.Kind == EventMessage {
			m := e.Message()
			b.Release()
			return m, nil
		}
	}
}

// Messages yields messages as they arrive, across reconnects; other events
// are passed over. It ends when the client is closed, and with an error when
// ctx ends or, with reconnect off, the connection is gone.
func (c *Client) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for e, err := range c.Events(ctx) {
			switch {
			case err != nil:
				yield(Message{}, err)
				return
			case e.Kind == EventMessage && !yield(e.Message(), nil):
				return
			}
		}
	}
}

// Events yields everything that happens, in order. An event is valid until
// the next one is asked for. It ends as Messages does.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := c.pulled(); err != nil {
			yield(Event{}, err)
			return
		}
		c.inbox.iterate(ctx)(yield)
	}
}

// ReceiveBatch waits for at least one event and takes more that wait: as many
// as are taken in one step, which is 128 at most, but no more than limit if
// that is not 0. Errors as Receive.
func (c *Client) ReceiveBatch(ctx context.Context, b *Batch, limit int) error {
	if err := c.pulled(); err != nil {
		return err
	}
	return c.inbox.fill(ctx, b, limit)
}

// TryReceiveBatch is ReceiveBatch that does not wait: ErrTimeout says that
// nothing is there.
func (c *Client) TryReceiveBatch(b *Batch, limit int) error {
	if err := c.pulled(); err != nil {
		return err
	}
	return c.inbox.tryFill(b, limit)
}

func (c *Client) pulled() error {
	if c.cfg.OnEvent != nil {
		return fail(ErrInvalid, "the events of the client of event %q go to its OnEvent", c.event)
	}
	return nil
}

// Done is closed when the client is closed and its last OnEvent has returned.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the client. What was sent is written first, for at most the
// setting linger. What has arrived can still be received; then ErrClosed
// follows. It does not wait for a running OnEvent: Done does. Further calls
// wait for the first one.
func (c *Client) Close() error {
	c.closing.Do(c.close)
	return nil
}

func (c *Client) close() {
	c.cancel()
	c.out.close()
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.finish(c.settings.Linger)
	}
	c.inbox.stop()
	<-c.ended
	if unsent := c.out.position() - c.sentSeq; unsent > 0 {
		c.logger.Warn("closed before all that was sent could be written", "messages", unsent)
	}
	c.inbox.close(c.named(ErrClosed))
	if c.cfg.OnEvent == nil {
		close(c.done)
	}
}
