package main

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// The flags of a row, those of libsocket_event.
const (
	flagUnicast  = 1
	flagRetained = 2
)

// rowsBound is at least the size of the rows: no header of a value is longer
// than nine bytes.
func rowsBound(events []socket.Event) int {
	const headers = 13 * 9
	size := 9
	for i := range events {
		e := &events[i]
		// Repairing UTF-8 may make a text three times as long.
		size += headers + len(e.TimestampISO) + len(e.Data) + len(e.EventName) + 3*(len(e.Text)+len(e.Address))
	}
	return size
}

// appendRows appends the events as a MessagePack array of rows, as
// libsocket_server_receive_packed describes them.
func appendRows(dst []byte, events []socket.Event, own string) []byte {
	dst = appendArrayHeader(dst, len(events))
	for i := range events {
		dst = appendRow(dst, &events[i], own)
	}
	return dst
}

func appendRow(dst []byte, e *socket.Event, own string) []byte {
	if e.Kind != socket.EventMessage {
		return appendOther(dst, e)
	}
	dst = appendArrayHeader(dst, 9)
	dst = appendUint(dst, uint64(e.Kind))
	dst = appendUint(dst, uint64(e.Type))
	dst = appendInt(dst, e.TimestampMs)
	dst = appendString(dst, string(e.TimestampISO))
	dst = append(dst, e.Data...)
	dst = appendUint(dst, uint64(e.Client))
	dst = appendUint(dst, e.Seq)
	dst = appendUint(dst, rowFlags(e))
	if string(e.EventName) == own {
		return append(dst, 0xc0)
	}
	return appendString(dst, string(e.EventName))
}

// appendOther appends what is no message.
func appendOther(dst []byte, e *socket.Event) []byte {
	cells := 9
	if e.Peer != nil {
		cells += 3
	}
	dst = appendArrayHeader(dst, cells)
	dst = appendUint(dst, uint64(e.Kind))
	dst = appendUint(dst, uint64(e.Reason))
	dst = appendInt(dst, e.TimestampMs)
	dst = appendUint(dst, e.Seq)
	dst = appendUint(dst, e.Count)
	dst = appendUint(dst, uint64(e.Client))
	dst = appendText(dst, e.Text)
	dst = appendText(dst, e.Address)
	dst = appendInt(dst, int64(e.Level))
	if e.Peer != nil {
		dst = appendInt(dst, int64(e.Peer.PID))
		dst = appendInt(dst, int64(e.Peer.UID))
		dst = appendInt(dst, int64(e.Peer.GID))
	}
	return dst
}

func rowFlags(e *socket.Event) uint64 {
	var flags uint64
	if e.Unicast {
		flags |= flagUnicast
	}
	if e.Retained {
		flags |= flagRetained
	}
	return flags
}

func appendArrayHeader(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
}

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 128:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
}

// appendText appends a text that was not read from MessagePack. A path need
// not be UTF-8, what decoders are given must be.
func appendText(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return appendString(dst, s)
}

func appendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}
