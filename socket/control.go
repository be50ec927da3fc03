package socket

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// controlKey marks a body as a frame of the library's own. Such a body lacks
// the keys of a message, so that an old peer logs one line and goes on.
const controlKey = "libsocket"

// wireVersion is the version a hello and a welcome tell.
const wireVersion = 1

// What a peer may call itself, how much it may say, and how long it may be
// quiet. What goes beyond is cut off.
const (
	maxPeerName    = 64
	maxPeerText    = 1024
	maxHeartbeatMs = 1 << 31 // some 24 days: as a time.Duration it can be multiplied
)

// controlKind says what a control frame tells. A kind of a later version is
// controlUnknown and is to be ignored.
type controlKind uint8

const (
	controlUnknown controlKind = iota
	controlHello
	controlWelcome
	controlLagged
	controlSeq
	controlSynced
	controlRefused
	controlGoodbye
	controlPing
	controlPong
	controlInspect
	controlInfo
	controlChallenge
	controlProof
)

var controlNames = [...]string{
	"unknown", "hello", "welcome", "lagged", "seq", "synced", "refused",
	"goodbye", "ping", "pong", "inspect", "info", "challenge", "proof",
}

// String returns the kind as it is written on the wire.
func (k controlKind) String() string { return controlNames[k] }

func parseControlKind(name []byte) controlKind {
	for k, text := range controlNames[1:] {
		if string(name) == text {
			return controlKind(k + 1)
		}
	}
	return controlUnknown
}

// A control is a frame of the library's own. Which fields a kind uses stands
// beside them; the others are zero.
type control struct {
	kind           controlKind
	version        int         // hello, welcome, inspect, info
	name           string      // hello, inspect
	pid            int         // hello, welcome, inspect
	types          typeSet     // hello
	hasResume      bool        // hello: epoch and seq say where to go on
	epoch          uint64      // hello, welcome: the instance of a server, never 0
	seq            uint64      // hello, welcome, seq, synced
	missed         uint64      // lagged: how many, from and to included
	from, to       uint64      // lagged
	maxMessageSize uint64      // welcome: bytes
	heartbeatMs    uint64      // welcome
	reason         Reason      // refused, goodbye
	text           string      // refused, goodbye
	info           *ServerInfo // info: all but the version
	nonce          []byte      // hello, inspect, challenge: a copy of nonceSize bytes; nil: none
	proof          []byte      // proof: as nonce
}

// typeSet is a set of message types: a bit for each, and one for types this
// version does not know. 0 is the set of all.
type typeSet uint8

const otherTypes typeSet = 1 << 7

func newTypeSet(types []MessageType) typeSet {
	var s typeSet
	for _, t := range types {
		s |= 1 << t
	}
	return s
}

func (s typeSet) has(t MessageType) bool { return s == 0 || s&(1<<t) != 0 }

// usualControl is what nearly every control frame fits into, in bytes.
const usualControl = 112

// appendFrame appends the frame: the length and the body.
func (c *control) appendFrame(dst []byte) []byte {
	start := len(dst)
	w := controlWriter{dst: append(slices.Grow(dst, usualControl), 0, 0, 0, 0, 0)}
	w.text(controlKey, c.kind.String())
	switch c.kind {
	case controlHello, controlInspect:
		c.writeHello(&w)
	case controlInfo:
		w.uint("version", uint64(c.version))
		c.info.write(&w, start+lengthSize)
	case controlWelcome:
		w.uint("version", uint64(c.version))
		w.uint("epoch", c.epoch)
		w.uint("seq", c.seq)
		w.uint("pid", uint64(c.pid))
		w.uint("max_message_size", c.maxMessageSize)
		w.uint("heartbeat_ms", c.heartbeatMs)
	case controlLagged:
		w.uint("missed", c.missed)
		w.uint("from", c.from)
		w.uint("to", c.to)
	case controlSeq, controlSynced:
		w.uint("seq", c.seq)
	case controlRefused, controlGoodbye:
		w.text("reason", c.reason.String())
		w.text("text", cleanText(c.text, maxPeerText))
	case controlChallenge:
		w.bytes("nonce", c.nonce)
	case controlProof:
		w.bytes("proof", c.proof)
	}
	w.dst[start+4] = 0x80 | w.keys
	binary.BigEndian.PutUint32(w.dst[start:], uint32(len(w.dst)-start-4))
	return w.dst
}

func (c *control) writeHello(w *controlWriter) {
	w.uint("version", uint64(c.version))
	w.text("name", cleanText(c.name, maxPeerName))
	w.uint("pid", uint64(c.pid))
	if c.types != 0 {
		w.types("types", c.types)
	}
	if c.hasResume {
		w.uint("epoch", c.epoch)
		w.uint("seq", c.seq)
	}
	if c.nonce != nil {
		w.bytes("nonce", c.nonce)
	}
}

// A controlWriter appends keys with their values and counts them.
type controlWriter struct {
	dst  []byte
	keys byte
}

func (w *controlWriter) key(key string) {
	w.dst = appendText(w.dst, key)
	w.keys++
}

func (w *controlWriter) uint(key string, n uint64) {
	w.key(key)
	w.dst = appendUint(w.dst, n)
}

func (w *controlWriter) text(key, text string) {
	w.key(key)
	w.dst = appendText(w.dst, text)
}

func (w *controlWriter) fields(fields []docField) {
	w.dst = appendDocFields(w.dst, fields)
	w.keys += byte(len(fields))
}

func (w *controlWriter) bytes(key string, b []byte) {
	w.key(key)
	w.dst = append(append(w.dst, 0xc4, byte(len(b))), b...) // bin 8: no more than nonceSize
}

func (w *controlWriter) types(key string, types typeSet) {
	w.key(key)
	var names []string
	for t, name := range messageTypeNames {
		if types.has(MessageType(t)) {
			names = append(names, name)
		}
	}
	w.dst = appendArrayHeader(w.dst, len(names))
	for _, name := range names {
		w.dst = appendText(w.dst, name)
	}
}

// controlKeys are the keys that a kind cannot do without.
var controlKeys = [...][]string{
	controlHello:     {"version"},
	controlWelcome:   {"version", "epoch", "seq"},
	controlLagged:    {"missed", "from", "to"},
	controlSeq:       {"seq"},
	controlSynced:    {"seq"},
	controlInspect:   {"version"},
	controlInfo:      {"version", "event", "pid", "stats", "clients"},
	controlChallenge: {"nonce"},
	controlProof:     {"proof"},
}

// fromBody sets c from a body that has been checked and has the key
// "libsocket" with this value. Keys in any order, unknown ones ignored; of a
// kind we do not know nothing more is read.
func (c *control) fromBody(body, kind []byte) error {
	*c = control{}
	name, ok := readText(kind)
	if !ok {
		return fail(ErrBadMessage, "malformed control frame: %s is not a str", controlKey)
	}
	if c.kind = parseControlKind(name); c.kind == controlUnknown {
		return nil
	}
	if c.kind == controlInfo {
		if len(body) > maxInfo {
			return fail(ErrBadMessage, "malformed info frame: %d bytes, more than %d", len(body), maxInfo)
		}
		c.info = &ServerInfo{State: StateLive, UID: -1}
	}
	seen := make(map[string]bool, 8)
	for key, value := range mapEntries(body) {
		known, ok := c.setKey(key, value)
		if !ok {
			return fail(ErrBadMessage, "malformed %s frame: bad %s", c.kind, key)
		}
		if known {
			seen[string(key)] = true
		}
	}
	for _, key := range controlKeys[c.kind] {
		if !seen[key] {
			return fail(ErrBadMessage, "malformed %s frame: no %s", c.kind, key)
		}
	}
	c.hasResume = c.kind == controlHello && seen["epoch"] && seen["seq"]
	if c.info != nil {
		c.info.complete()
	}
	return c.check()
}

// setKey sets the field of a key, and reports whether there is one and
// whether the value was of its type. A key that is not known is fine.
func (c *control) setKey(key, value []byte) (known, ok bool) {
	if c.info != nil && string(key) != "version" {
		return c.info.setKey(key, value)
	}
	switch string(key) {
	case "version":
		c.version, ok = readSmall(value)
	case "pid":
		c.pid, ok = readSmall(value)
	case "name":
		c.name, ok = readCleanText(value, maxPeerName)
	case "text":
		c.text, ok = readCleanText(value, maxPeerText)
	case "types":
		c.types, ok = readTypes(value)
	case "epoch":
		c.epoch, ok = readUint(value)
	case "seq":
		c.seq, ok = readUint(value)
	case "missed":
		c.missed, ok = readUint(value)
	case "from":
		c.from, ok = readUint(value)
	case "to":
		c.to, ok = readUint(value)
	case "max_message_size":
		c.maxMessageSize, ok = readUint(value)
	case "heartbeat_ms":
		c.heartbeatMs, ok = readUint(value)
		c.heartbeatMs = min(c.heartbeatMs, maxHeartbeatMs)
	case "nonce":
		c.nonce, ok = readNonce(value)
	case "proof":
		c.proof, ok = readNonce(value)
	case "reason":
		var text []byte
		text, ok = readText(value)
		c.reason = parseReason(text)
	default:
		return false, true
	}
	return true, ok
}

// check refuses what is well-formed and cannot be meant.
func (c *control) check() error {
	switch {
	case (c.kind == controlWelcome || c.hasResume) && c.epoch == 0:
		return fail(ErrBadMessage, "malformed %s frame: epoch is 0", c.kind)
	case c.kind == controlLagged && (c.missed == 0 || c.to < c.from || c.missed-1 > c.to-c.from):
		return fail(ErrBadMessage, "malformed lagged frame: %d missed from %d to %d", c.missed, c.from, c.to)
	}
	return nil
}

func readSmall(value []byte) (int, bool) {
	n, ok := readUint(value)
	return int(n), ok && n <= math.MaxInt32
}

// readNonce reads a nonce or a proof, and copies it.
func readNonce(value []byte) ([]byte, bool) {
	b, isText, _, ok := splitBytes(value)
	if !ok || isText || len(b) != nonceSize {
		return nil, false
	}
	return bytes.Clone(b), true
}

// readTypes reads an array of type names.
func readTypes(value []byte) (typeSet, bool) {
	n, isMap, rest, ok := splitContainer(value)
	if !ok || isMap {
		return 0, false
	}
	var s typeSet
	for range n {
		value, rest = splitValue(rest)
		name, ok := readText(value)
		if !ok {
			return 0, false
		}
		if t, err := ParseMessageType(string(name)); err == nil {
			s |= 1 << t
		} else {
			s |= otherTypes
		}
	}
	return s, true
}

func readCleanText(value []byte, limit int) (string, bool) {
	text, ok := readText(value)
	return cleanText(string(text), limit), ok
}

// cleanText makes a text that came from elsewhere fit for a log line and a C
// string: valid UTF-8 of at most limit bytes without control characters.
func cleanText(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
