package socket

import (
	"sync/atomic"
	"unsafe"
)

// Messages of one event look alike: the same keys, texts of the same lengths,
// other numbers. A shape is what one of them looked like, made so that the
// next can be compared with it word by word. One that compares equal is well
// formed, and what it has is where the first had it; any other is read from
// the start. So a shape only ever saves time.

// A shape holds the bits in which another has to be the same, and where the
// parts of a body are.
type shape struct {
	size  int
	words []shapeWord
	parts envelopeParts // of a body
}

// A shapeWord compares the sixteen bytes at an offset: as many as amd64 does at
// once. shape_amd64.s knows this layout.
type shapeWord struct {
	like, mask [wordSize]byte
	at         int
	_          int // 48 bytes, so that neither straddles a line of the cache
}

// matches reports whether b has the shape.
func (s *shape) matches(b []byte) bool {
	return len(b) == s.size && sameBits(unsafe.SliceData(b), s.words)
}

// sameBitsAnywhere is sameBits on any processor.
func sameBitsAnywhere(b *byte, words []shapeWord) bool {
	var differ uint64
	for i := range words {
		w := &words[i]
		here := (*[2]uint64)(unsafe.Add(unsafe.Pointer(b), w.at))
		like := (*[2]uint64)(unsafe.Pointer(&w.like))
		mask := (*[2]uint64)(unsafe.Pointer(&w.mask))
		differ |= (here[0]^like[0])&mask[0] | (here[1]^like[1])&mask[1]
	}
	return differ == 0
}

const (
	wordSize = 16
	// maxShape is how large what has a shape may be. It bounds the memory;
	// of anything larger, checking is a small part of what it costs.
	maxShape = 1 << 10
)

// newShape makes the shape of example. The bits of mask that are set have to
// be the same.
func newShape(example, mask []byte) *shape {
	s := &shape{size: len(example)}
	for at := 0; at < len(example); at += wordSize {
		at := min(at, len(example)-wordSize) // the last word overlaps the one before
		w := shapeWord{like: [wordSize]byte(example[at:]), mask: [wordSize]byte(mask[at:]), at: at}
		if w.mask != [wordSize]byte{} {
			s.words = append(s.words, w)
		}
	}
	return s
}

// What of a byte has to be the same, where that is not all or nothing.
const (
	sameASCII  = 0x80 // another ASCII character, or a number of 0 to 127
	sameMinus  = 0xe0 // another number of -32 to -1
	sameBool   = 0xfe // false or true
	sameWhole  = 0xff
	sameMillis = 0x80 // the first byte of a timestamp_ms
)

// maskValue sets mask for the well-formed value at b[pos:], and returns where
// it ends. What it leaves 0 is free.
func maskValue(mask, b []byte, pos int) int {
	for left := uint(1); left > 0; left-- {
		c := b[pos]
		end := pos + 1 // of what has to be the same
		next := end    // of the value, or the first within it
		mask[pos] = sameWhole
		switch {
		case c < 0x80:
			mask[pos] = sameASCII
		case c >= 0xe0:
			mask[pos] = sameMinus
		case c < 0x90: // fixmap
			left += 2 * uint(c&0x0f)
		case c < 0xa0: // fixarray
			left += uint(c & 0x0f)
		case c < 0xc0: // fixstr
			next += int(c & 0x1f)
			maskText(mask, b, end, next)
		case c == 0xc2, c == 0xc3:
			mask[pos] = sameBool
		case c == 0xc0:
		case c >= 0xca && c <= 0xd3: // a number
			next = pos + int(fixedSizes[c-0xc0])
		default:
			left, end, next = maskLong(mask, b, pos, left)
		}
		for i := pos + 1; i < end; i++ {
			mask[i] = sameWhole
		}
		pos = next
	}
	return pos
}

// maskLong is maskValue for what has a length of its own, and for extensions,
// of which all has to be the same.
func maskLong(mask, b []byte, pos int, values uint) (left uint, end, next int) {
	c := b[pos]
	if c >= 0xd4 && c <= 0xd8 { // fixext
		end = pos + 2 + 1<<(c-0xd4)
		return values, end, end
	}
	end = pos + 1 + lengthWidth(c)
	n := readLength(b[pos+1 : end])
	switch {
	case c <= 0xc6: // bin
		return values, end, end + int(n)
	case c <= 0xc9: // ext
		end += 1 + int(n)
		return values, end, end
	case c <= 0xdb: // str
		maskText(mask, b, end, end+int(n))
		return values, end, end + int(n)
	case c >= 0xde: // map
		n *= 2
	}
	return values + n, end, end
}

// maskText sets mask for the content of a str: ASCII may be other ASCII.
func maskText(mask, b []byte, start, end int) {
	same := byte(sameASCII)
	for _, c := range b[start:end] {
		if c >= 0x80 {
			same = sameWhole
		}
	}
	for i := start; i < end; i++ {
		mask[i] = same
	}
}

// shapeOfValue makes the shape of one value.
func shapeOfValue(value []byte) *shape {
	mask := make([]byte, len(value))
	maskValue(mask, value, 0)
	return newShape(value, mask)
}

// shapeOfBody makes the shape of a canonical body, in which p says what is
// where. The event's name belongs to the shape.
func shapeOfBody(body []byte, p envelopeParts) *shape {
	mask := make([]byte, len(body))
	for i := range mask {
		mask[i] = sameWhole
	}
	millis := mask[p.millis : p.millis+8]
	clear(millis)
	millis[0] = sameMillis
	maskText(mask, body, p.isoStart, p.isoEnd)
	clear(mask[p.dataStart:p.dataEnd])
	maskValue(mask, body, p.dataStart)
	s := newShape(body, mask)
	s.parts = p
	return s
}

// shapes are the shapes that have been seen, one for each size modulo their
// number. They may be used by many goroutines at once: a hit writes nothing.
type shapes [64]struct {
	shape  atomic.Pointer[shape]
	misses atomic.Uint32
}

// find returns the shape that b has, nil if none is known.
func (t *shapes) find(b []byte) *shape {
	if s := t[len(b)%len(t)].shape.Load(); s != nil && s.matches(b) {
		return s
	}
	return nil
}

// learn takes a value that has just been read from the start. It makes its
// shape now and then only: where nothing looks like anything before, that
// would be for nothing.
func (t *shapes) learn(b []byte, shapeOf func() *shape) {
	const rarely = 1 << 10
	if len(b) < wordSize || len(b) > maxShape {
		return
	}
	slot := &t[len(b)%len(t)]
	if n := slot.misses.Add(1); n&(n-1) == 0 || n%rarely == 0 {
		slot.shape.Store(shapeOf())
	}
}
