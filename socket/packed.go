package socket

import (
	"bytes"
	"math"
	"strings"
	"unsafe"
)

// Messages as one MessagePack document, for callers that have them so: an
// array of messages. A message is a map, which is its data and is stamped
// when it is sent, or a row
//
//	[type, timestamp_ms, timestamp_iso, data, event_name, client, retain_key]
//
// of which what is behind data may be left out. Any other element that is nil
// is unset.

const shortestRow, longestRow = 4, 7

// SendPacked sends the messages of a document in order and returns how many
// were sent. It stops at the first error. A row may name one client, which
// gets the message as from SendTo. The document is not kept.
//
// Errors: those of SendMany and SendTo; ErrBadMessage also for what is no such
// document.
func (s *Server) SendPacked(document []byte) (int, error) {
	return sendPacked(document, func(m Message, to ClientID) error {
		if to == 0 {
			return s.Send(m)
		}
		return s.SendTo(to, m)
	})
}

// SendPacked sends the messages of a document in order and returns how many
// were sent, see Server.SendPacked. Its rows end with event_name.
func (c *Client) SendPacked(document []byte) (int, error) {
	return sendPacked(document, func(m Message, to ClientID) error {
		if to != 0 || m.RetainKey != "" {
			return fail(ErrBadMessage, "a message to a server has no client and no retain_key: leave them unset")
		}
		return c.Send(m)
	})
}

func sendPacked(document []byte, send func(Message, ClientID) error) (int, error) {
	count, rest, ok := arrayHeader(document)
	if !ok || count == 0 && len(rest) > 0 {
		return 0, fail(ErrBadMessage, "the document is not one array of messages")
	}
	r := packedReader{rest: rest}
	for i := range count {
		m, to, err := r.message(i == count-1)
		if err == nil {
			err = send(m, to)
		}
		if err != nil {
			return i, err
		}
	}
	return count, nil
}

// A packedReader walks through a document that nobody has checked. What it
// gives points into the document.
type packedReader struct {
	rest []byte
	left int   // elements of the row
	err  error // the first
}

// message reads the next message. Of the last one, data is all that is left
// of the document where it ends the message: sending it checks that it is one
// value.
func (r *packedReader) message(last bool) (m Message, to ClientID, err error) {
	if len(r.rest) > 0 && (r.rest[0]>>4 == 0b1000 || r.rest[0] == 0xde || r.rest[0] == 0xdf) {
		r.left = 1
		m.Data = r.data(last)
		return m, 0, r.err
	}
	var ok bool
	r.left, r.rest, ok = arrayHeader(r.rest)
	if !ok || r.left < shortestRow || r.left > longestRow {
		return m, 0, fail(ErrBadMessage, "a message is neither a map nor a row of %d to %d elements", shortestRow, longestRow)
	}
	m.Type = MessageType(r.uint("type", math.MaxUint8))
	m.TimestampMs = r.int("timestamp_ms")
	m.TimestampISO = r.text("timestamp_iso")
	m.Data = r.data(last)
	if r.left > 0 {
		m.EventName = r.text("event_name")
		to = ClientID(r.uint("client", math.MaxUint64))
		m.RetainKey = strings.Clone(r.text("retain_key")) // it outlives the send
	}
	if last && len(r.rest) > 0 && r.err == nil {
		r.err = fail(ErrBadMessage, "bytes follow the document")
	}
	return m, to, r.err
}

// element returns the next element of the row, nil when there is none.
func (r *packedReader) element(name string) []byte {
	if r.err != nil || r.left == 0 {
		return nil
	}
	r.left--
	end, why := skipValue(r.rest, 0, maxDataDepth)
	if why != faultNone {
		r.err = fail(ErrBadMessage, "%s: malformed MessagePack: %s at byte %d", name, why, end)
		return nil
	}
	value := r.rest[:end]
	r.rest = r.rest[end:]
	return value
}

// data is the element that sending checks: the last of all need not be walked
// through twice.
func (r *packedReader) data(last bool) []byte {
	if !last || r.left != 1 {
		return r.element("data")
	}
	value := r.rest
	r.rest, r.left = nil, 0
	if len(value) == 0 && r.err == nil {
		r.err = fail(ErrBadMessage, "data: %s", faultShort)
	}
	return value
}

func (r *packedReader) uint(name string, most uint64) uint64 {
	value := r.element(name)
	if isUnset(value) {
		return 0
	}
	n, ok := readUint(value)
	if !ok || n > most {
		r.err = fail(ErrBadMessage, "%s is not an integer from 0 to %d", name, most)
	}
	return n
}

func (r *packedReader) int(name string) int64 {
	value := r.element(name)
	if isUnset(value) {
		return 0
	}
	n, ok := readInt(value)
	if !ok {
		r.err = fail(ErrBadMessage, "%s is not an integer of 64 bits", name)
	}
	return n
}

// text returns a view of the document. A NUL would end the text for receivers
// in C.
func (r *packedReader) text(name string) string {
	value := r.element(name)
	if isUnset(value) {
		return ""
	}
	text, ok := readText(value)
	if !ok || bytes.IndexByte(text, 0) >= 0 {
		r.err = fail(ErrBadMessage, "%s is not a text without NUL", name)
	}
	return unsafe.String(unsafe.SliceData(text), len(text))
}

func isUnset(value []byte) bool { return len(value) == 0 || value[0] == 0xc0 }

// arrayHeader is splitContainer for an array in bytes that nobody has checked.
func arrayHeader(b []byte) (count int, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
	case b[0]>>4 == 0b1001, b[0] == 0xdc && len(b) >= 3, b[0] == 0xdd && len(b) >= 5:
		count, _, rest, ok = splitContainer(b)
	}
	return count, rest, ok
}
