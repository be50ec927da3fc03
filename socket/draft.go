package socket

import (
	"encoding/binary"
	"sync"
)

// A draft is a frame that is not laid out yet: a start that many frames share,
// and what is this one's own. Whoever keeps the frame lays it out where it is
// to stay, so that its bytes are copied once.
type draft struct {
	start []byte     // up to and with the key of the data
	head  *frameHead // what start is from; nil: it is own
	own   *[]byte    // a start for this draft alone
	data  []byte
	extra frameExtra

	millis uint64  // with head: timestamp_ms
	micros [6]byte // and the fraction of timestamp_iso
}

// size is that of the frame, length included.
func (d *draft) size() int { return len(d.start) + len(d.data) + len(extraKeys[d.extra]) }

// appendFrame appends the frame.
func (d *draft) appendFrame(dst []byte) []byte {
	at := len(dst)
	dst = append(append(dst, d.start...), d.data...)
	if d.extra != extraNone {
		dst = append(dst, extraKeys[d.extra]...)
	}
	frame := dst[at:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-lengthSize))
	frame[lengthSize] = bodyHeader(d.extra)
	if h := d.head; h != nil {
		binary.BigEndian.PutUint64(frame[h.millis:], d.millis)
		copy(frame[h.micros:], d.micros[:])
	}
	return dst
}

// ownStarts are reused: a start of its own serves one frame.
var ownStarts = sync.Pool{New: func() any { return new([]byte) }}

// release lets go of the draft.
func (d *draft) release() {
	if d.own != nil && cap(*d.own) <= 4*chunkSize { // a name may be long
		ownStarts.Put(d.own)
	}
	d.own = nil
}
