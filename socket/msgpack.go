package socket

import (
	"encoding/binary"
	"unicode/utf8"
)

// This file decides what is well-formed MessagePack. Everything a peer or a
// caller hands over passes here once; the code behind it trusts its bytes.
//
// The rules are those of the original's reader: str is strict UTF-8, a map
// key is str or bin at any depth, extension types are 0..127 or a timestamp
// of a valid length, and nothing follows the value.

// maxBodyDepth bounds the containers around a value of a body, the body's own
// map included; maxDataDepth is what that leaves for data.
const (
	maxBodyDepth = 1024
	maxDataDepth = maxBodyDepth - 1
)

// A fault says what is wrong with a value; faultNone is no fault.
type fault uint8

const (
	faultNone fault = iota
	faultShort
	faultReserved
	faultKey
	faultText
	faultExt
	faultDepth
	faultTrailing
)

var faultTexts = [...]string{
	faultNone:     "no fault",
	faultShort:    "value is cut off",
	faultReserved: "reserved byte 0xc1",
	faultKey:      "map key is neither str nor bin",
	faultText:     "str is not valid UTF-8",
	faultExt:      "extension type is neither 0 to 127 nor a valid timestamp",
	faultDepth:    "value is nested too deep",
	faultTrailing: "bytes follow the value",
}

func (f fault) String() string { return faultTexts[f] }

// checkValue reports whether b is exactly one well-formed value with at most
// depth containers around each other. The error is ErrBadMessage and names
// the offset.
func checkValue(b []byte, depth int) error {
	end, why := skipValue(b, 0, depth)
	if why == faultNone && end < len(b) {
		why = faultTrailing
	}
	if why != faultNone {
		return fail(ErrBadMessage, "malformed MessagePack: %s at byte %d", why, end)
	}
	return nil
}

// skipValue returns the offset behind the value at pos, or the offset of the
// value that is at fault.
func skipValue(b []byte, pos, depth int) (int, fault) {
	if pos < len(b) && b[pos]>>4 == 0b1000 && depth > 0 { // fixmap, which data nearly always is
		return skipValues(b, pos+1, 2*uint(b[pos]&0x0f), true, depth-1)
	}
	return skipValues(b, pos, 1, false, depth)
}

// skipValues skips count values. With keyed they are the keys and values of a
// map in turn, so count is even. It runs once inside itself for a container,
// never more than depth times deep. What is in nearly every message comes
// first and is told by comparing, which the processor guesses right, where a
// table would have it wait.
func skipValues(b []byte, pos int, count uint, keyed bool, depth int) (int, fault) {
	for ; count > 0; count-- {
		if pos >= len(b) {
			return pos, faultShort
		}
		c := b[pos]
		if c-0xa0 < 0x20 { // fixstr
			start, n := pos+1, uint(c-0xa0)
			end := start + int(n)
			if end > len(b) {
				return pos, faultShort
			}
			// Nearly all text is ASCII, and loads that overlap take in all of
			// it. This is here and not a function because calls were a quarter
			// of what checking a message cost.
			var bits uint64
			switch {
			case n > 16:
				bits = load(b, start) | load(b, start+8) | load(b, end-16) | load(b, end-8)
			case n >= 8:
				bits = load(b, start) | load(b, end-8)
			case start+8 <= len(b):
				bits = load(b, start) << (64 - 8*n)
			default: // too near the end of b
				bits = highBits
			}
			if bits&highBits != 0 && !utf8.Valid(b[start:end]) {
				return pos, faultText
			}
			pos = end
			continue
		}
		if keyed && count&1 == 0 && !leadsKey(c) {
			return pos, faultKey
		}
		if c < 0x80 || c >= 0xe0 { // fixint
			pos++
			continue
		}
		if c >= 0xc0 { // a number, bool or nil
			if size := int(fixedSizes[c-0xc0]); size != 0 && size <= len(b)-pos {
				pos += size
				continue
			}
		}
		end, why := skipLong(b, pos, depth)
		if why != faultNone {
			return end, why
		}
		pos = end
	}
	return pos, faultNone
}

// leadsKey reports whether a value that starts with c is a str or a bin.
func leadsKey(c byte) bool {
	return c-0xa0 < 0x20 || c-0xd9 < 3 || c-0xc4 < 3
}

// fixedSizes holds, for the lead bytes from 0xc0 on, the size of values whose
// lead byte alone tells it; 0 for the others.
var fixedSizes = [32]uint8{
	0:           1,                 // nil
	0xc2 - 0xc0: 1, 0xc3 - 0xc0: 1, // false, true
	0xca - 0xc0: 5, 0xcb - 0xc0: 9, // float32, float64
	0xcc - 0xc0: 2, 0xcd - 0xc0: 3, 0xce - 0xc0: 5, 0xcf - 0xc0: 9, // uint
	0xd0 - 0xc0: 2, 0xd1 - 0xc0: 3, 0xd2 - 0xc0: 5, 0xd3 - 0xc0: 9, // int
}

// skipLong skips a value that is neither a fixstr nor a fixint, nor of a size
// that its lead byte tells, unless that is cut off.
func skipLong(b []byte, pos, depth int) (int, fault) {
	c := b[pos]
	switch {
	case c < 0x90: // fixmap
		return skipContainer(b, pos, 1, uint(c&0x0f), true, depth)
	case c < 0xa0: // fixarray
		return skipContainer(b, pos, 1, uint(c&0x0f), false, depth)
	case c == 0xc1:
		return pos, faultReserved
	case c >= 0xd4 && c <= 0xd8: // fixext
		return skipExt(b, pos, 1, 1<<(c-0xd4))
	}
	if size := int(fixedSizes[c-0xc0]); size != 0 {
		return skipBytes(b, pos, 0, uint(size))
	}
	header := 1 + lengthWidth(c)
	if len(b)-pos < header {
		return pos, faultShort
	}
	n := readLength(b[pos+1 : pos+header])
	switch {
	case c <= 0xc6: // bin
		return skipBytes(b, pos, header, n)
	case c <= 0xc9:
		return skipExt(b, pos, header, n)
	case c <= 0xdb:
		return skipText(b, pos, header, n)
	default:
		return skipContainer(b, pos, header, n, c >= 0xde, depth)
	}
}

// lengthWidth returns the width of the length that follows the lead byte of a
// bin, ext, str, array or map that has one.
func lengthWidth(c byte) int {
	switch c {
	case 0xc4, 0xc7, 0xd9:
		return 1
	case 0xc5, 0xc8, 0xda, 0xdc, 0xde:
		return 2
	}
	return 4
}

func readLength(b []byte) uint {
	switch len(b) {
	case 1:
		return uint(b[0])
	case 2:
		return uint(binary.BigEndian.Uint16(b))
	}
	return uint(binary.BigEndian.Uint32(b))
}

func skipBytes(b []byte, pos, header int, n uint) (int, fault) {
	if n > uint(len(b)-pos-header) {
		return pos, faultShort
	}
	return pos + header + int(n), faultNone
}

func skipText(b []byte, pos, header int, n uint) (int, fault) {
	if n > uint(len(b)-pos-header) {
		return pos, faultShort
	}
	start := pos + header
	end := start + int(n)
	if !validText(b, start, end) {
		return pos, faultText
	}
	return end, faultNone
}

// highBits are the bits that no ASCII byte has.
const highBits = 0x8080808080808080

// validText reports whether b[start:end] is valid UTF-8. Nearly all of it is
// ASCII, and under eight bytes, as keys are: then one load tells, where b is
// long enough to load beyond the end.
func validText(b []byte, start, end int) bool {
	n := uint(end - start)
	return n < 8 && start+8 <= len(b) && load(b, start)<<(64-8*n)&highBits == 0 || validLongText(b[start:end])
}

// validLongText is utf8.Valid, quicker for the ASCII of 8 to 32 bytes: loads
// that overlap take in all of it.
func validLongText(s []byte) bool {
	switch n := len(s); {
	case n < 8 || n > 32:
	case n <= 16 && (load(s, 0)|load(s, n-8))&highBits == 0:
		return true
	case n > 16 && (load(s, 0)|load(s, 8)|load(s, n-16)|load(s, n-8))&highBits == 0:
		return true
	}
	return utf8.Valid(s)
}

// load returns the eight bytes at i, the first as the lowest.
func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

func skipContainer(b []byte, pos, header int, n uint, isMap bool, depth int) (int, fault) {
	if depth == 0 {
		return pos, faultDepth
	}
	// A value takes a byte at least: no count is believed beyond that, so
	// that doubling it cannot overflow either.
	if n > uint(len(b)-pos-header) {
		return pos, faultShort
	}
	if isMap {
		n *= 2
	}
	return skipValues(b, pos+header, n, isMap, depth-1)
}

// skipExt skips an extension value of n bytes and a type byte before them.
func skipExt(b []byte, pos, header int, n uint) (int, fault) {
	if n >= uint(len(b)-pos-header) {
		return pos, faultShort
	}
	end := pos + header + 1 + int(n)
	kind := int8(b[pos+header])
	if kind < -1 || kind == -1 && !validTimestamp(b[pos+header+1:end]) {
		return pos, faultExt
	}
	return end, faultNone
}

// validTimestamp checks the content of a timestamp, extension type -1: its
// length and that the nanoseconds are less than a second.
func validTimestamp(b []byte) bool {
	const second = 1_000_000_000
	switch len(b) {
	case 4:
		return true
	case 8:
		return binary.BigEndian.Uint64(b)>>34 < second
	case 12:
		return binary.BigEndian.Uint32(b) < second
	}
	return false
}
