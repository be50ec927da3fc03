package socket

import (
	"encoding/binary"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// An encoder turns messages into drafts of frames for one server or client. It
// may be used by many goroutines at once; none waits for another.
type encoder struct {
	event          string
	loc            *time.Location
	maxMessageSize int

	// heads are what the frames of the current second start with, for each
	// type. Whoever notices that its second is over stores the next one.
	heads [len(messageTypeNames)]atomic.Pointer[frameHead]
	// seen is what the data of messages looked like; nil before the first.
	seen atomic.Pointer[shapes]
}

// frameHead is the start of a frame, up to and with the key of the data, of a
// second of time. All but what is named below is the same for every message.
type frameHead struct {
	second int64
	bytes  []byte
	millis int // offset of the eight bytes of timestamp_ms
	micros int // offset of the six digits in timestamp_iso
}

func newEncoder(event string, loc *time.Location, maxMessageSize int) *encoder {
	return &encoder{event: event, loc: loc, maxMessageSize: maxMessageSize}
}

// draft drafts the frame of a message, and sets the times and the event where
// m leaves them open. It checks all of m: the error is ErrBadMessage or
// ErrTooLarge. The draft borrows m's data.
func (e *encoder) draft(d *draft, m *Message, extra frameExtra) error {
	if int(m.Type) >= len(messageTypeNames) {
		return fail(ErrBadMessage, "%s is not a message type", m.Type)
	}
	if d.data = m.Data; len(d.data) == 0 {
		d.data = emptyMap
	}
	d.extra = extra
	if err := e.draftHead(d, m); err != nil {
		return err
	}
	limit := e.maxMessageSize
	if m.RetainKey != "" {
		limit -= len(extraKeys[extraRetained]) // it may be sent again with this key
	}
	if size := d.size() - lengthSize; size > limit {
		d.release()
		return fail(ErrTooLarge, "message of %d bytes is larger than max_message_size = %d", size, e.maxMessageSize)
	}
	if !e.wellFormed(d.data) {
		d.release()
		return fail(ErrBadMessage, "data: %w", checkValue(d.data, maxDataDepth))
	}
	return nil
}

// wellFormed reports whether data is one value.
func (e *encoder) wellFormed(data []byte) bool {
	seen := e.seen.Load()
	if seen == nil {
		seen = new(shapes)
		e.seen.Store(seen) // should another do the same, some shapes are made again
	}
	if seen.find(data) != nil {
		return true
	}
	if end, why := skipValue(data, 0, maxDataDepth); why != faultNone || end != len(data) {
		return false
	}
	seen.learn(data, func() *shape { return shapeOfValue(data) })
	return true
}

// draftHead sets the start of a draft. For nearly every message, one of the
// handle's own event at a time that has a fraction, that is the second's.
func (e *encoder) draftHead(d *draft, m *Message) error {
	if m.TimestampMs != 0 || m.TimestampISO != "" {
		return e.draftGivenHead(d, m)
	}
	second, micros := now()
	if m.EventName != "" && m.EventName != e.event || micros == 0 {
		iso := string(appendISO(nil, second, micros, e.loc))
		return e.draftCheckedHead(d, m, second*1000+int64(micros/1000), iso)
	}
	e.draftOwnHead(d, m.Type, second, micros)
	return nil
}

// draftOwnHead is draftHead for the handle's event at a time that has a
// fraction.
func (e *encoder) draftOwnHead(d *draft, t MessageType, second int64, micros int) {
	h := e.heads[t].Load()
	if h == nil || h.second != second {
		h = e.nextHead(t, second)
	}
	d.start, d.head = h.bytes, h
	d.millis = uint64(second*1000 + int64(micros/1000))
	putMicros(d.micros[:], micros)
}

// draftGivenHead is draftHead for a message that says when it was.
func (e *encoder) draftGivenHead(d *draft, m *Message) error {
	iso := m.TimestampISO
	if iso == "" {
		var ok bool
		if iso, ok = isoMillis(m.TimestampMs, e.loc); !ok {
			return fail(ErrBadMessage, "timestamp_ms %d is outside the years 1 to 9999", m.TimestampMs)
		}
	}
	return e.draftCheckedHead(d, m, m.TimestampMs, iso)
}

// draftCheckedHead is draftHead for a message that has a start of its own.
func (e *encoder) draftCheckedHead(d *draft, m *Message, ms int64, iso string) error {
	event := m.EventName
	if event == "" {
		event = e.event
	}
	if !utf8.ValidString(event) {
		return fail(ErrBadMessage, "event_name %.40q is not valid UTF-8", event)
	}
	if !utf8.ValidString(iso) {
		return fail(ErrBadMessage, "timestamp_iso %.40q is not valid UTF-8", iso)
	}
	d.own = ownStarts.Get().(*[]byte)
	*d.own = appendHead((*d.own)[:0], m.Type, event, ms, iso)
	d.start = *d.own
	return nil
}

// appendHead appends the start of a frame. The length and the map header are
// for the draft to set.
func appendHead(dst []byte, t MessageType, event string, ms int64, iso string) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = appendFields(dst, fiveKeys, event, ms, iso)
	return append(dst, typeAndDataKey[t]...)
}

// nextHead makes the head of a second and leaves it for the others.
func (e *encoder) nextHead(t MessageType, second int64) *frameHead {
	const anyMicros = 999999
	iso := string(appendISO(nil, second, anyMicros, e.loc))
	b := appendHead(nil, t, e.event, second*1000, iso)
	isoStart := len(b) - len(typeAndDataKey[t]) - len(iso)
	h := &frameHead{
		second: second,
		bytes:  b,
		millis: isoStart - 2 - len(keyTimestampISO) - 8, // 2: iso is longer than 31 bytes
		micros: isoStart + len("2006-01-02T15:04:05."),
	}
	e.heads[t].Store(h)
	return h
}

// addExtra returns a copy of a frame that has no extra yet, with one added.
func addExtra(frame []byte, extra frameExtra) []byte {
	key := extraKeys[extra]
	b := make([]byte, 0, len(frame)+len(key))
	b = append(append(b, frame...), key...)
	b[lengthSize] = bodyHeader(extra)
	binary.BigEndian.PutUint32(b, uint32(len(b)-lengthSize))
	return b
}

// frameType returns the type of a message's frame that an encoder made. A
// filter asks it of every frame, so that it steps from length to length.
func frameType(frame []byte) MessageType {
	p := skipOwnText(frame, lengthSize+1+len(keyEventName)) + len(keyTimestampMs)
	if frame[p] == 0xcf { // all but always
		p += 9
	} else {
		p, _ = skipValue(frame, p, 0)
	}
	p = skipOwnText(frame, p+len(keyTimestampISO))
	// The texts of the types differ in length.
	switch frame[p+len(keyMessageType)] {
	case 0xa5:
		return Error
	case 0xa7:
		return Control
	}
	return Data
}

// skipOwnText returns the offset behind a str that is known to be valid.
func skipOwnText(b []byte, p int) int {
	switch c := b[p]; {
	case c-0xa0 < 0x20:
		return p + 1 + int(c-0xa0)
	case c == 0xd9:
		return p + 2 + int(b[p+1])
	}
	end, _ := skipLong(b, p, 0)
	return end
}
