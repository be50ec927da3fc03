package socket

import (
	"encoding/binary"
	"iter"
	"math"
)

// Single MessagePack values: appended in their smallest form, and read from
// bytes that checkValue has passed.

func appendMapHeader(dst []byte, n int) []byte {
	return appendContainerHeader(dst, n, 0x80, 0xde)
}

func appendArrayHeader(dst []byte, n int) []byte {
	return appendContainerHeader(dst, n, 0x90, 0xdc)
}

// appendContainerHeader writes n into the lead byte short, or behind the lead
// byte long (16 bits) or its successor (32 bits).
func appendContainerHeader(dst []byte, n int, short, long byte) []byte {
	switch {
	case n <= 0x0f:
		return append(dst, short|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(appendTextHeader(dst, len(s)), s...)
}

func appendTextHeader(dst []byte, n int) []byte {
	switch {
	case n <= 0x1f:
		return append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
}

func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

// splitContainer returns the number of elements of the array or pairs of the
// map that starts b, and what follows its header. ok is false when b starts
// with anything else.
func splitContainer(b []byte) (n int, isMap bool, rest []byte, ok bool) {
	switch c := b[0]; {
	case c>>4 == 0b1000 || c>>4 == 0b1001:
		return int(c & 0x0f), c < 0x90, b[1:], true
	case c >= 0xdc && c <= 0xdf:
		header := 1 + lengthWidth(c)
		return int(readLength(b[1:header])), c >= 0xde, b[header:], true
	}
	return 0, false, nil, false
}

// splitBytes returns the content of the str or bin that starts b, and what
// follows it. ok is false when b starts with anything else.
func splitBytes(b []byte) (content []byte, isText bool, rest []byte, ok bool) {
	c := b[0]
	if !leadsKey(c) {
		return nil, false, nil, false
	}
	header, n := 1, int(c&0x1f)
	if c >= 0xc0 {
		header += lengthWidth(c)
		n = int(readLength(b[1:header]))
	}
	return b[header : header+n], c < 0xc0 || c >= 0xd9, b[header+n:], true
}

// splitValue splits b behind its first value.
func splitValue(b []byte) (value, rest []byte) {
	end, _ := skipValue(b, 0, maxBodyDepth)
	return b[:end], b[end:]
}

// mapEntries yields the str keys of a map and their values. Keys that are bin
// are left out: no key this package knows is one.
func mapEntries(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		n, _, rest, _ := splitContainer(b)
		for range n {
			key, isText, behind, _ := splitBytes(rest)
			var value []byte
			value, rest = splitValue(behind)
			if isText && !yield(key, value) {
				return
			}
		}
	}
}

func isMap(value []byte) bool {
	_, isMap, _, ok := splitContainer(value)
	return ok && isMap
}

func readText(value []byte) (text []byte, ok bool) {
	text, isText, _, ok := splitBytes(value)
	return text, ok && isText
}

// readNumber reads an integer of any form: its bits and whether it is less
// than 0, so that bits is the two's complement.
func readNumber(value []byte) (bits uint64, negative, ok bool) {
	c := value[0]
	switch {
	case c < 0x80:
		return uint64(c), false, true
	case c >= 0xe0:
		return uint64(int64(int8(c))), true, true
	}
	n := int64(0)
	switch c {
	case 0xcc:
		return uint64(value[1]), false, true
	case 0xcd:
		return uint64(binary.BigEndian.Uint16(value[1:])), false, true
	case 0xce:
		return uint64(binary.BigEndian.Uint32(value[1:])), false, true
	case 0xcf:
		return binary.BigEndian.Uint64(value[1:]), false, true
	case 0xd0:
		n = int64(int8(value[1]))
	case 0xd1:
		n = int64(int16(binary.BigEndian.Uint16(value[1:])))
	case 0xd2:
		n = int64(int32(binary.BigEndian.Uint32(value[1:])))
	case 0xd3:
		n = int64(binary.BigEndian.Uint64(value[1:]))
	default:
		return 0, false, false
	}
	return uint64(n), n < 0, true
}

func readUint(value []byte) (n uint64, ok bool) {
	n, negative, ok := readNumber(value)
	return n, ok && !negative
}

func readInt(value []byte) (n int64, ok bool) {
	bits, negative, ok := readNumber(value)
	return int64(bits), ok && (negative || bits <= math.MaxInt64)
}

// readFloat reads a float32 or float64.
func readFloat(value []byte) (f float64, ok bool) {
	switch value[0] {
	case 0xca:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(value[1:]))), true
	case 0xcb:
		return math.Float64frombits(binary.BigEndian.Uint64(value[1:])), true
	}
	return 0, false
}
