package socket

import (
	"errors"
	"io"
	"log/slog"
	"net"
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

	batch []Event
	bytes int
	seen  *shapes // of a connection that has had much to say

	// Scratch of frame, which would otherwise allocate them for each.
	env envelope
	ctl control
}

// batchMessages is how many messages go into the inbox at once: enough to
// make its lock cheap.
const batchMessages = 256

// run returns why the connection ended: io.EOF for an orderly end.
func (in *intake) run() error {
	defer in.frames.close()
	for {
		body, err := in.frames.scan()
		if err != nil {
			in.flush()
			return err
		}
		if body == nil {
			in.flush()
			if err := in.frames.fill(); err != nil {
				return err
			}
			if in.seen == nil && in.frames.last > smallBuffer/2 {
				in.seen = new(shapes)
			}
			continue
		}
		if err := in.frame(body); err != nil {
			return err
		}
	}
}

func (in *intake) frame(body []byte) error {
	isControl, err := parseBody(body, &in.env, &in.ctl, in.seen)
	switch {
	case err != nil:
		in.logger.Error("dropped a malformed frame", "error", err, "bytes", len(body))
	case isControl:
		in.flush()
		return in.owner.control(&in.ctl)
	default:
		in.message(len(body))
		if in.inbox != nil && (len(in.batch) >= min(batchMessages, in.inbox.maxMessages) || in.bytes >= in.inbox.maxBytes) {
			in.flush()
		}
	}
	return nil
}

func (in *intake) message(size int) {
	in.batch = append(in.batch, Event{
		Kind:         EventMessage,
		Type:         in.env.messageType,
		Unicast:      in.env.unicast,
		Retained:     in.env.retained,
		TimestampMs:  in.env.timestampMs,
		EventName:    in.env.eventName,
		TimestampISO: in.env.timestampISO,
		Data:         in.env.data,
		buf:          in.frames.buf,
		weight:       size,
	})
	last := len(in.batch) - 1
	if e := &in.batch[last]; !in.owner.message(e) || in.inbox == nil {
		*e = Event{}
		in.batch = in.batch[:last]
		return
	}
	in.frames.buf.retain(1)
	in.bytes += size
}

// flush hands the batch to the inbox, and waits while it is full. An inbox that
// was shut takes no more, but the peer is read to its end: it may not have
// been given all that it was sent.
func (in *intake) flush() {
	if len(in.batch) == 0 {
		return
	}
	var ok bool
	if in.batch, ok = in.inbox.add(in.batch, in.bytes); !ok {
		in.inbox = nil
	}
	in.bytes = 0
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
