package socket

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// An encoder turns messages into frames for one server or client. It may be
// used by many goroutines at once; none waits for another.
type encoder struct {
	event          string
	loc            *time.Location
	maxMessageSize int

	// head is what the frames of the current second start with. Whoever
	// notices that its second is over stores the next one.
	head atomic.Pointer[frameHead]
	// seen is what the data of messages looked like; nil before the first.
	seen atomic.Pointer[shapes]
}

// frameHead is the start of a frame, up to and with the ISO time, of a second
// of time. All but what is named below is the same for every message.
type frameHead struct {
	second int64
	bytes  []byte
	millis int // offset of the eight bytes of timestamp_ms
	micros int // offset of the six digits in timestamp_iso
}

func newEncoder(event string, loc *time.Location, maxMessageSize int) *encoder {
	return &encoder{event: event, loc: loc, maxMessageSize: maxMessageSize}
}

// appendFrame appends the frame of a message, length and body, and sets the
// times and the event where m leaves them open. It checks all of m: the error
// is ErrBadMessage or ErrTooLarge, and dst is returned as it was.
func (e *encoder) appendFrame(dst []byte, m *Message, extra frameExtra) ([]byte, error) {
	if int(m.Type) >= len(typeAndDataKey) {
		return dst, fail(ErrBadMessage, "%s is not a message type", m.Type)
	}
	data := m.Data
	if len(data) == 0 {
		data = emptyMap
	}
	start := len(dst)
	frame, err := e.appendHead(dst, m, len(data))
	if err != nil {
		return dst, err
	}
	frame = append(frame, typeAndDataKey[m.Type]...)

	size := len(frame) - start - lengthSize + len(data) + len(extraKeys[extra])
	limit := e.maxMessageSize
	if m.RetainKey != "" {
		limit -= len(extraKeys[extraRetained]) // it may be sent again with this key
	}
	if size > limit {
		return dst, fail(ErrTooLarge, "message of %d bytes is larger than max_message_size = %d", size, e.maxMessageSize)
	}
	if !e.wellFormed(data) {
		return dst, fail(ErrBadMessage, "data: %w", checkValue(data, maxDataDepth))
	}
	frame = append(frame, data...)
	frame = append(frame, extraKeys[extra]...)
	frame[start+lengthSize] = bodyHeader(extra)
	binary.BigEndian.PutUint32(frame[start:], uint32(size))
	return frame, nil
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

// appendHead appends the start of a frame, with room for the rest. The length
// and the map header are set by the caller.
func (e *encoder) appendHead(dst []byte, m *Message, dataSize int) ([]byte, error) {
	const afterHead = len(keyMessageType) + len("\xa7control") + len(keyData) + len("\xa8retained\xc3")
	event := m.EventName
	if event == "" {
		event = e.event
	}
	if m.TimestampMs != 0 || m.TimestampISO != "" {
		return e.appendGivenHead(dst, event, m)
	}
	second, micros := now()
	if event != e.event || micros == 0 {
		iso := string(appendISO(nil, second, micros, e.loc))
		return appendCheckedHead(dst, event, second*1000+int64(micros/1000), iso)
	}
	return e.appendOwnHead(dst, second, micros, dataSize+afterHead), nil
}

// appendOwnHead appends the head of the handle's own event at a time that has
// a fraction, with room for as many bytes more: nearly every message.
func (e *encoder) appendOwnHead(dst []byte, second int64, micros, room int) []byte {
	h := e.head.Load()
	if h == nil || h.second != second {
		h = e.nextHead(second)
	}
	start := len(dst)
	dst = append(slices.Grow(dst, len(h.bytes)+room), h.bytes...)
	binary.BigEndian.PutUint64(dst[start+h.millis:], uint64(second*1000+int64(micros/1000)))
	putMicros(dst[start+h.micros:], micros)
	return dst
}

// appendGivenHead is appendHead for a message that says when it was.
func (e *encoder) appendGivenHead(dst []byte, event string, m *Message) ([]byte, error) {
	iso := m.TimestampISO
	if iso == "" {
		var ok bool
		if iso, ok = isoMillis(m.TimestampMs, e.loc); !ok {
			return dst, fail(ErrBadMessage, "timestamp_ms %d is outside the years 1 to 9999", m.TimestampMs)
		}
	}
	return appendCheckedHead(dst, event, m.TimestampMs, iso)
}

func appendCheckedHead(dst []byte, event string, ms int64, iso string) ([]byte, error) {
	if !utf8.ValidString(event) {
		return dst, fail(ErrBadMessage, "event_name %.40q is not valid UTF-8", event)
	}
	if !utf8.ValidString(iso) {
		return dst, fail(ErrBadMessage, "timestamp_iso %.40q is not valid UTF-8", iso)
	}
	return appendFields(append(dst, 0, 0, 0, 0), fiveKeys, event, ms, iso), nil
}

// nextHead makes the head of a second and leaves it for the others.
func (e *encoder) nextHead(second int64) *frameHead {
	const anyMicros = 999999
	iso := string(appendISO(nil, second, anyMicros, e.loc))
	b := appendFields(make([]byte, lengthSize), fiveKeys, e.event, second*1000, iso)
	isoStart := len(b) - len(iso)
	h := &frameHead{
		second: second,
		bytes:  b,
		millis: isoStart - 2 - len(keyTimestampISO) - 8, // 2: iso is longer than 31 bytes
		micros: isoStart + len("2006-01-02T15:04:05."),
	}
	e.head.Store(h)
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
