package socket

import "encoding/binary"

// An envelope is the body of a message's frame: one map of five keys. Its
// slices borrow from the body it was parsed from.
type envelope struct {
	eventName    []byte
	timestampISO []byte
	data         []byte // one MessagePack value
	timestampMs  int64
	messageType  MessageType
	unicast      bool // sent to one client alone, not counted by seq
	retained     bool // kept from before the client joined, not counted by seq
}

// The keys as they stand in a body, in the order in which they are written.
const (
	keyEventName    = "\xaaevent_name"
	keyTimestampMs  = "\xactimestamp_ms"
	keyTimestampISO = "\xadtimestamp_iso"
	keyMessageType  = "\xacmessage_type"
	keyData         = "\xa4data"
)

// typeAndDataKey is what stands between the timestamps and the data.
var typeAndDataKey = [...]string{
	Data:    keyMessageType + "\xa4data" + keyData,
	Error:   keyMessageType + "\xa5error" + keyData,
	Control: keyMessageType + "\xa7control" + keyData,
}

// frameExtra is a key beside the five that marks a frame as not counted by
// seq.
type frameExtra uint8

const (
	extraNone frameExtra = iota
	extraUnicast
	extraRetained
)

// extraKeys is what an extra adds at the end of a body; the body's header
// counts one key more.
var extraKeys = [...]string{
	extraNone:     "",
	extraUnicast:  "\xa7unicast\xc3",
	extraRetained: "\xa8retained\xc3",
}

// fiveKeys and sixKeys are the map headers of a body.
const (
	fiveKeys = 0x85
	sixKeys  = 0x86
)

func bodyHeader(extra frameExtra) byte {
	if extra == extraNone {
		return fiveKeys
	}
	return sixKeys
}

func (e *envelope) extra() frameExtra {
	switch {
	case e.unicast:
		return extraUnicast
	case e.retained:
		return extraRetained
	}
	return extraNone
}

// appendEnvelope appends the body for e, without the length before it. All
// fields must be valid.
func appendEnvelope(dst []byte, e *envelope) []byte {
	extra := e.extra()
	dst = appendFields(dst, bodyHeader(extra), e.eventName, e.timestampMs, e.timestampISO)
	dst = append(dst, typeAndDataKey[e.messageType]...)
	dst = append(dst, e.data...)
	return append(dst, extraKeys[extra]...)
}

// appendFields appends the first three keys and their values.
func appendFields[T string | []byte](dst []byte, header byte, eventName T, ms int64, iso T) []byte {
	dst = append(dst, header)
	dst = append(dst, keyEventName...)
	dst = appendText(dst, eventName)
	dst = append(dst, keyTimestampMs...)
	dst = appendInt(dst, ms)
	dst = append(dst, keyTimestampISO...)
	return appendText(dst, iso)
}

// parseEnvelope reads the body of a message. e borrows from body; it is
// undefined when an error is returned, which is ErrBadMessage.
func parseEnvelope(body []byte, e *envelope) error {
	if p, ok := scanCanonical(body); ok {
		e.set(body, &p)
		return nil
	}
	f, err := collectFields(body)
	if err != nil {
		return err
	}
	return e.fromFields(&f)
}

// parseBody reads a body that is a message or a control frame: e is set, or c
// is. A message that has the key "libsocket" too is a message. seen learns what
// it looks like; nil: nobody asks.
func parseBody(body []byte, e *envelope, c *control, seen *shapes) (isControl bool, err error) {
	if p, ok := scanCanonical(body); ok {
		e.set(body, &p)
		if seen != nil {
			seen.learn(body, func() *shape { return shapeOfBody(body, p) })
		}
		return false, nil
	}
	f, err := collectFields(body)
	if err != nil {
		return false, err
	}
	if f.kind != nil && f.missing() != "" {
		return true, c.fromBody(body, f.kind)
	}
	return false, e.fromFields(&f)
}

// envelopeParts says where in a canonical body the values are. The texts are
// without their headers; behind millis is a number of eight bytes.
type envelopeParts struct {
	nameStart, nameEnd int
	millis             int
	isoStart, isoEnd   int
	dataStart, dataEnd int
	messageType        MessageType
	extra              frameExtra
}

// set makes e the envelope of a body in which p says what is where.
func (e *envelope) set(b []byte, p *envelopeParts) {
	e.eventName = b[p.nameStart:p.nameEnd]
	e.timestampISO = b[p.isoStart:p.isoEnd]
	e.data = b[p.dataStart:p.dataEnd]
	e.timestampMs = int64(binary.BigEndian.Uint64(b[p.millis:]))
	e.messageType = p.messageType
	e.unicast = p.extra == extraUnicast
	e.retained = p.extra == extraRetained
}

// fill sets what an event of a message has from its envelope.
func (e *envelope) fill(event *Event) {
	event.Kind = EventMessage
	event.Type = e.messageType
	event.Unicast = e.unicast
	event.Retained = e.retained
	event.TimestampMs = e.timestampMs
	event.EventName = e.eventName
	event.TimestampISO = e.timestampISO
	event.Data = e.data
}

// fill is set and fill in one step: most messages come this way.
func (p *envelopeParts) fill(event *Event, b []byte) {
	event.Kind = EventMessage
	event.Type = p.messageType
	event.Unicast = p.extra == extraUnicast
	event.Retained = p.extra == extraRetained
	event.TimestampMs = int64(binary.BigEndian.Uint64(b[p.millis:]))
	event.EventName = b[p.nameStart:p.nameEnd]
	event.TimestampISO = b[p.isoStart:p.isoEnd]
	event.Data = b[p.dataStart:p.dataEnd]
}

// scanCanonical reads a body that is laid out as appendEnvelope writes it,
// which is all but every body there is. For any other it returns false: the
// general way decides.
func scanCanonical(b []byte) (p envelopeParts, ok bool) {
	at := 1 + len(keyEventName)
	if len(b) <= at || b[0] != fiveKeys && b[0] != sixKeys || string(b[1:at]) != keyEventName {
		return p, false
	}
	p.nameStart, p.nameEnd = scanText(b, at)
	at = p.nameEnd + len(keyTimestampMs) + 9
	if p.nameEnd < 0 || len(b) <= at+len(keyTimestampISO) || string(b[p.nameEnd:at-8]) != keyTimestampMs+"\xcf" {
		return p, false
	}
	p.millis = at - 8
	if b[p.millis] >= 0x80 || string(b[at:at+len(keyTimestampISO)]) != keyTimestampISO {
		return p, false
	}
	p.isoStart, p.isoEnd = scanText(b, at+len(keyTimestampISO))
	if p.isoEnd < 0 {
		return p, false
	}
	if p.messageType, p.dataStart = scanType(b, p.isoEnd); p.dataStart < 0 {
		return p, false
	}
	var why fault
	if p.dataEnd, why = skipValue(b, p.dataStart, maxDataDepth); why != faultNone {
		return p, false
	}
	p.extra, ok = scanExtra(b[0], b[p.dataEnd:])
	return p, ok
}

// scanText returns where the content of a str of at most 255 bytes starts and
// ends; end is -1 when there is none at p, which must be within b.
func scanText(b []byte, p int) (start, end int) {
	c := b[p]
	switch {
	case c>>5 == 0b101:
		start = p + 1
		end = start + int(c&0x1f)
	case c == 0xd9 && p+1 < len(b):
		start = p + 2
		end = start + int(b[p+1])
	default:
		return 0, -1
	}
	if end > len(b) || !validText(b, start, end) {
		return 0, -1
	}
	return start, end
}

// scanType reads the message type and the key of the data behind it, and
// returns where the data starts; -1 when they are not at p. What it compares
// with is constant, so that the compiler does it in registers.
func scanType(b []byte, p int) (MessageType, int) {
	const (
		dataNext    = "\xa4data" + keyData
		errorNext   = "\xa5error" + keyData
		controlNext = "\xa7control" + keyData
	)
	value := p + len(keyMessageType)
	if len(b) <= value || string(b[p:value]) != keyMessageType {
		return 0, -1
	}
	switch rest := b[value:]; {
	case len(rest) > len(dataNext) && string(rest[:len(dataNext)]) == dataNext:
		return Data, value + len(dataNext)
	case len(rest) > len(errorNext) && string(rest[:len(errorNext)]) == errorNext:
		return Error, value + len(errorNext)
	case len(rest) > len(controlNext) && string(rest[:len(controlNext)]) == controlNext:
		return Control, value + len(controlNext)
	}
	return 0, -1
}

// scanExtra reads what a body with five or six keys has behind its data.
func scanExtra(header byte, rest []byte) (frameExtra, bool) {
	switch {
	case header == fiveKeys:
		return extraNone, len(rest) == 0
	case string(rest) == extraKeys[extraUnicast]:
		return extraUnicast, true
	}
	return extraRetained, string(rest) == extraKeys[extraRetained]
}

// fields holds the values of a body's keys as they stand in it, nil for a key
// that is missing. Of a key that comes twice the last counts.
type fields struct {
	eventName, timestampMs, timestampISO, messageType, data []byte
	unicast, retained, kind                                 []byte
}

// collectFields checks a body in full and finds the values of the keys this
// package knows; all others are left alone.
func collectFields(body []byte) (fields, error) {
	var f fields
	if err := checkValue(body, maxBodyDepth); err != nil {
		return f, err
	}
	if !isMap(body) {
		return f, fail(ErrBadMessage, "malformed message: not a map")
	}
	for key, value := range mapEntries(body) {
		switch string(key) {
		case "event_name":
			f.eventName = value
		case "timestamp_ms":
			f.timestampMs = value
		case "timestamp_iso":
			f.timestampISO = value
		case "message_type":
			f.messageType = value
		case "data":
			f.data = value
		case "unicast":
			f.unicast = value
		case "retained":
			f.retained = value
		case controlKey:
			f.kind = value
		}
	}
	return f, nil
}

// missing names a key of the five that is not there, "" when all are.
func (f *fields) missing() string {
	switch {
	case f.eventName == nil:
		return "event_name"
	case f.timestampMs == nil:
		return "timestamp_ms"
	case f.timestampISO == nil:
		return "timestamp_iso"
	case f.messageType == nil:
		return "message_type"
	case f.data == nil:
		return "data"
	}
	return ""
}

// fromFields sets e from the values of a body. A key of another type than
// ours is refused, where the original handed any value to the program; only a
// timestamp_ms that is a float is taken, without its fraction.
func (e *envelope) fromFields(f *fields) error {
	if key := f.missing(); key != "" {
		return fail(ErrBadMessage, "malformed message: no %s", key)
	}
	var ok bool
	if e.eventName, ok = readText(f.eventName); !ok {
		return fail(ErrBadMessage, "malformed message: event_name is not a str")
	}
	if e.timestampMs, ok = readMillis(f.timestampMs); !ok {
		return fail(ErrBadMessage, "malformed message: timestamp_ms is not a number of 64 bits")
	}
	if e.timestampISO, ok = readText(f.timestampISO); !ok {
		return fail(ErrBadMessage, "malformed message: timestamp_iso is not a str")
	}
	name, ok := readText(f.messageType)
	if !ok {
		return fail(ErrBadMessage, "malformed message: message_type is not a str")
	}
	messageType, err := ParseMessageType(string(name))
	if err != nil {
		return fail(ErrBadMessage, "malformed message: unknown message_type %.40q", name)
	}
	e.messageType = messageType
	e.data = f.data
	e.unicast = isTrue(f.unicast)
	e.retained = isTrue(f.retained)
	return nil
}

// isTrue reports whether an extra key is there and true. Someone else's key
// of that name means nothing to us.
func isTrue(value []byte) bool {
	return len(value) == 1 && value[0] == 0xc3
}

// readMillis reads a timestamp_ms.
func readMillis(value []byte) (int64, bool) {
	if n, ok := readInt(value); ok {
		return n, true
	}
	f, ok := readFloat(value)
	const limit = 1 << 63
	if !ok || !(f >= -limit && f < limit) {
		return 0, false
	}
	return int64(f), true
}
