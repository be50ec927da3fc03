package socket

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
)

// intake reads a connection to its end: frames become events in the inbox,
// control frames go to whom they concern.
type intake struct {
	frames frameReader
	inbox  *inbox // nil: messages are dropped; also once it takes no more
	logger *slog.Logger
	owner  interface {
		// message completes the event of a message, or refuses it.
		message(*Event) bool
		// control takes a control frame. An error ends the connection.
		control(*control) error
	}

	block *block  // messages for the inbox; nil: none
	quiet bool    // some were handed over quietly
	seen  *shapes // of a connection that has had much to say
	*scratch
}

// scratch is what frame reads into, which would otherwise be allocated for each
// frame. A connection that waits has none.
type scratch struct {
	env envelope
	ctl control
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// run returns why the connection ended: io.EOF for an orderly end.
func (in *intake) run() error {
	defer in.frames.close()
	in.equip()
	for {
		body, err := in.frames.scan()
		if err != nil {
			in.flush()
			return err
		}
		if body == nil {
			if b := in.block; b != nil {
				b.sparse = b.used < min(bufferSize, b.bytes)/2
			}
			if on, err := in.readOn(); err != nil {
				return err
			} else if on {
				continue
			}
			in.flush()
			in.rest()
			err := in.more()
			in.equip()
			if err != nil {
				return err
			}
			in.grow()
			continue
		}
		if _, err := in.frame(body); err != nil {
			return err
		}
		if in.full() {
			in.handOver(true)
		}
	}
}

// readOn reads what has come meanwhile, in a stream that nobody is told of
// block by block.
func (in *intake) readOn() (bool, error) {
	if in.inbox == nil || in.inbox.notify != nil || !in.frames.streams() {
		return false, nil
	}
	in.handOver(true) // its events are those of one buffer
	on, err := in.frames.readOn()
	if on {
		in.grow()
	}
	if err != nil {
		in.flush()
	}
	return on, err
}

// more waits for more to read. Between two frames another may read meanwhile.
func (in *intake) more() error {
	if !in.frames.within() {
		if err := in.lendOut(); err != nil {
			return err
		}
		if in.frames.within() {
			return nil // look at it first
		}
	}
	return in.frames.fill()
}

// grow equips a connection that has much to say.
func (in *intake) grow() {
	if in.seen == nil && in.frames.last > smallBuffer/2 {
		in.seen = new(shapes)
	}
}

// equip gets a scratch, rest lets go of it.
func (in *intake) equip() { in.scratch = scratches.Get().(*scratch) }

func (in *intake) rest() {
	*in.scratch = scratch{} // it would keep buffers from being freed
	scratches.Put(in.scratch)
	in.scratch = nil
}

// frame takes a frame. An error is the end of the connection.
func (in *intake) frame(body []byte) (isControl bool, _ error) {
	if in.seen != nil {
		if s := in.seen.find(body); s != nil {
			e := in.newEvent()
			s.parts.fill(e, body)
			in.message(e, len(body))
			return false, nil
		}
	}
	isControl, err := parseBody(body, &in.env, &in.ctl, in.seen)
	switch {
	case err != nil:
		in.logger.Error("dropped a malformed frame", "error", err, "bytes", len(body))
	case isControl:
		in.flush()
		return true, in.owner.control(&in.ctl)
	default:
		e := in.newEvent()
		in.env.fill(e)
		in.message(e, len(body))
	}
	return false, nil
}

// full reports whether the block has what an inbox takes at once.
func (in *intake) full() bool {
	b := in.block
	return b != nil && in.inbox != nil && (b.room() == 0 || b.messages >= in.inbox.maxMessages || b.bytes >= in.inbox.maxBytes)
}

// newEvent returns the next event of the block, which has nothing in it yet.
func (in *intake) newEvent() *Event {
	if in.block == nil {
		in.block = newBlock(blockEvents)
	}
	b := in.block
	n := len(b.events)
	b.events = b.events[:n+1]
	return &b.events[n]
}

// message has the owner complete the newest event, whose body is so large.
func (in *intake) message(e *Event, size int) {
	b := in.block
	n := len(b.events) - 1
	if !in.owner.message(e) || in.inbox == nil {
		*e = Event{}
		b.events = b.events[:n]
		return
	}
	e.buf = in.frames.buf
	if n == 0 {
		e.weight = e.buf.weight()
	}
	b.used += size
	b.account(e, 1)
}

// detach takes the block out. Only then its events hold the buffer, in one step
// for all of them: they are handed over before the buffer is filled again.
func (in *intake) detach() *block {
	b := in.block
	if in.filled() {
		b.events[0].buf.retain(len(b.events))
	}
	in.block = nil
	return b
}

// filled reports whether there is an event to hand over.
func (in *intake) filled() bool { return in.block != nil && len(in.block.events) > 0 }

// flush hands over what was read, and has a receiver take it.
func (in *intake) flush() {
	in.handOver(false)
	if in.quiet && in.inbox != nil {
		in.inbox.announce()
	}
	in.quiet = false
}

// handOver hands the block to the inbox, and waits while it is full. An inbox
// that was shut takes no more, but the peer is read to its end: it may not have
// been given all that it was sent.
func (in *intake) handOver(quietly bool) {
	b := in.detach()
	if b == nil {
		return
	}
	if len(b.events) == 0 {
		b.recycle()
	} else if !in.give(b, quietly) {
		in.inbox = nil
	}
}

func (in *intake) give(b *block, quietly bool) bool {
	switch {
	case in.frames.lent:
		return in.inbox.addNow(b)
	case quietly:
		in.quiet = true
		return in.inbox.addQuietly(b)
	}
	return in.inbox.add(b)
}

// reasonOf says what an error of run means to a person and to the peer.
func reasonOf(err error) (Reason, string) {
	var bye *goodbyeError
	switch {
	case errors.As(err, &bye):
		return bye.reason, bye.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), peerGone(err):
		return ReasonEOF, "the peer closed the connection"
	case errors.Is(err, net.ErrClosed): // by this side: nobody else can
		return ReasonClosed, "closed"
	case errors.Is(err, ErrTooLarge):
		return ReasonTooLarge, err.Error()
	case errors.Is(err, ErrProtocol), errors.Is(err, ErrBadMessage):
		return ReasonProtocol, err.Error()
	case errors.Is(err, ErrSlow):
		return ReasonSlow, err.Error()
	case errors.Is(err, ErrMaxConnections):
		return ReasonMaxConnections, err.Error()
	case errors.Is(err, ErrNotAllowed):
		return ReasonNotAllowed, err.Error()
	case errors.Is(err, errSilent):
		return ReasonHeartbeat, err.Error()
	}
	return ReasonIO, err.Error()
}

// peerGone reports whether a write or read failed because the peer closed.
func peerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// goodbyeError is the peer's goodbye.
type goodbyeError struct {
	reason Reason
	text   string
}

func (e *goodbyeError) Error() string {
	if e.text != "" {
		return e.text
	}
	return "the peer said goodbye: " + e.reason.String()
}

func (e *goodbyeError) Unwrap() error {
	switch e.reason {
	case ReasonMaxConnections:
		return ErrMaxConnections
	case ReasonNotAllowed:
		return ErrNotAllowed
	case ReasonProtocol, ReasonTooLarge:
		return ErrProtocol
	}
	return ErrNotConnected
}
