package socket

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// MessageType says what a message is about. The values are those of
// libsocket.h.
type MessageType uint8

// The types of message.
const (
	Data MessageType = iota
	Error
	Control
)

var messageTypeNames = [...]string{Data: "data", Error: "error", Control: "control"}

// String returns the type as it is written on the wire.
func (t MessageType) String() string {
	if int(t) < len(messageTypeNames) {
		return messageTypeNames[t]
	}
	return fmt.Sprintf("message_type_%d", uint8(t))
}

// ParseMessageType is the inverse of String. The error is ErrInvalid.
func ParseMessageType(s string) (MessageType, error) {
	for t, name := range messageTypeNames {
		if s == name {
			return MessageType(t), nil
		}
	}
	return 0, fail(ErrInvalid, "%q is not a message type: use data, error or control", s)
}

// Message is what a server and its clients send each other. What is left
// zero is filled in when it is sent.
type Message struct {
	EventName    string // "": the event of the server or client
	TimestampMs  int64  // Unix time in milliseconds; 0 without TimestampISO: now
	TimestampISO string // "": from TimestampMs, in the configured zone
	Type         MessageType
	Data         []byte // one MessagePack value; nil: an empty map
	RetainKey    string // server, to all: keep the newest message of this key for newcomers; "": do not keep
}

// emptyMap is the data of a message that has none.
var emptyMap = []byte{0x80}

// NewMessage makes a message of v, see Marshal. A v of nil is an empty map.
// The time is set when the message is sent.
func NewMessage(t MessageType, v any) (Message, error) {
	if int(t) >= len(messageTypeNames) {
		return Message{}, fail(ErrInvalid, "%s is not a message type", t)
	}
	if v == nil {
		return Message{Type: t}, nil
	}
	data, err := Marshal(v)
	if err != nil {
		return Message{}, err
	}
	return Message{Type: t, Data: data}, nil
}

// Decode stores the message's data in v, see Unmarshal.
func (m Message) Decode(v any) error {
	if len(m.Data) == 0 {
		return Unmarshal(emptyMap, v)
	}
	return Unmarshal(m.Data, v)
}

// Marshal encodes v as one MessagePack value: integers in their smallest
// form, floats in 64 bits, structs as maps with the field names or those of
// the tag msgpack:"name". A map[string]any, map[string]string or
// map[string]bool is written in the order of its keys. What no receiver would
// take, a map key that is not a string or text that is not UTF-8, is
// ErrBadMessage.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode(v); err != nil {
		return nil, fail(ErrBadMessage, "cannot encode %T: %w", v, err)
	}
	if err := checkValue(buf.Bytes(), maxDataDepth); err != nil {
		return nil, fail(ErrBadMessage, "cannot encode %T: %w", v, err)
	}
	return buf.Bytes(), nil
}

// Unmarshal decodes one MessagePack value into what v points to. In an
// interface, integers become int64 or uint64, floats float64, maps
// map[string]any. The error is ErrBadMessage.
func Unmarshal(data []byte, v any) error {
	if err := checkValue(data, maxDataDepth); err != nil {
		return err
	}
	dec := msgpack.NewDecoder(bytes.NewReader(data))
	dec.UseLooseInterfaceDecoding(true)
	if err := dec.Decode(v); err != nil {
		return fail(ErrBadMessage, "cannot decode into %T: %w", v, err)
	}
	return nil
}
