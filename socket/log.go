package socket

import (
	"bytes"
	"container/list"
	"encoding/binary"
	"sync"
	"time"
	"unsafe"
)

// The log is what a server is: an append-only sequence of encoded frames,
// bounded in messages and bytes. append waits for no socket; every connection
// reads through a cursor of its own (cursor.go), and all delivery rules are
// rules about cursors.
//
// Frames live in chunks. A frame never straddles two chunks, so that what
// lies between a cursor and the end of its chunk can be written in one call.
// A chunk that is evicted while a writer still reads it ("pinned") is marked
// dead and recycled by that writer.

const (
	// chunkSize is what one write hands to the kernel at most, unless a
	// single frame is larger. 64 KiB was as fast as anything larger.
	chunkSize = 64 << 10
	// lengthSize is the big-endian length in front of every frame's body.
	lengthSize = 4
)

// slowPolicy is what happens to a cursor that the log has overtaken.
type slowPolicy uint8

const (
	policyDropOldest slowPolicy = iota
	policyLatest
	policyBlock
	policyDisconnect
)

func (s SlowClient) policy() slowPolicy {
	switch s {
	case SlowLatest:
		return policyLatest
	case SlowBlock:
		return policyBlock
	case SlowDisconnect:
		return policyDisconnect
	}
	return policyDropOldest
}

// chunk holds frames seq0, seq0+1, ... back to back.
type chunk struct {
	buf    []byte
	seq0   uint64 // of the first frame; unique for every use, 0 once evicted
	frames uint64
	older  newestOf // before seq0
	next   *chunk
	pins   int
	dead   bool // evicted while pinned
}

// newestOf is the seq of the newest frame of each type, 0 where there is none.
type newestOf [len(messageTypeNames)]uint64

func (c *chunk) end() uint64 { return c.seq0 + c.frames }

func (c *chunk) fits(size int) bool { return c != nil && len(c.buf)+size <= cap(c.buf) }

// logLimits are the bounds of a log.
type logLimits struct {
	messages uint64
	bytes    int
	policy   slowPolicy
	timeout  time.Duration // how long append waits under policyBlock
	keys     int           // most keys of retained frames
	attended bool          // append fails while there is no cursor
	gather   bool          // streams are gathered: see gather.go
}

type log struct {
	limits logLimits

	mu          sync.Mutex
	head        uint64 // the seq that the next frame gets; the first is 1
	tail        uint64 // the oldest frame that is kept
	bytes       int    // memory of the chunks from first to last
	newest      newestOf
	first, last *chunk
	free        *chunk // recycled chunks of chunkSize
	freeLarge   *chunk // and of frames that are larger
	spare       int    // bytes that both hold
	closed      bool
	ended       bool // appends fail, all else goes on

	retained  retained
	cursors   map[*cursor]struct{}
	idle      *cursor // cursors with nothing to give, linked by nextIdle
	floor     uint64  // no cursor is below it, but those that tellOvertaken has told
	waitMark  uint64  // appends wait until no cursor is below it...
	waitCount int     // ...which this many are
	waitDone  chan struct{}

	delivered uint64 // frames handed to writers
	dropped   uint64 // frames that cursors were told they missed
}

func newLog(limits logLimits) *log {
	return &log{
		limits:  limits,
		head:    1,
		tail:    1,
		floor:   1,
		cursors: make(map[*cursor]struct{}),
		retained: retained{
			maxKeys:  limits.keys,
			maxBytes: limits.bytes,
			byKey:    make(map[string]*list.Element),
		},
	}
}

// append adds the frame of a draft. It waits for nobody, except under
// policyBlock while the frame would overtake a cursor. With a key, the frame is
// also kept for those who join later.
func (l *log) append(d *draft, t MessageType, key string) error {
	size := d.size()
	l.mu.Lock()
	tail := l.tailFor(size)
	if l.limits.policy == policyBlock && tail > l.floor {
		if err := l.makeRoom(size); err != nil {
			l.mu.Unlock()
			return err
		}
		tail = l.tailFor(size)
	}
	if err := l.refusal(); err != nil {
		l.mu.Unlock()
		return err
	}
	frame := l.write(d, size, tail)
	if l.limits.policy == policyDisconnect && tail > l.floor {
		l.tellOvertaken()
	}
	l.newest[t] = l.head
	if key != "" {
		l.retained.put(key, l.head, frame)
	}
	l.head++
	if l.idle == nil {
		l.mu.Unlock()
		return nil
	}
	wake := l.detachIdle(t)
	one := wake != nil && wake.nextIdle == nil
	here := one && wake.rested()
	l.mu.Unlock()
	if one {
		wake.startOne(here)
	} else {
		wake.startAll()
	}
	return nil
}

// refusal is why nothing can be appended.
func (l *log) refusal() error {
	switch {
	case l.closed, l.ended:
		return ErrClosed
	case l.limits.attended && len(l.cursors) == 0:
		return ErrNotConnected
	}
	return nil
}

// write evicts what is before the tail, and lays a frame out at the end.
func (l *log) write(d *draft, size int, tail uint64) (frame []byte) {
	l.evictTo(tail)
	c := l.last
	if !c.fits(size) {
		c = l.newChunk(size)
		if l.last == nil {
			l.first = c
		} else {
			l.last.next = c
		}
		l.last = c
		l.bytes += cap(c.buf)
	}
	at := len(c.buf)
	// A chunk was last read by another core. The lock is given back once all is
	// written, which would wait for the memory: a tenth of what a send costs.
	prefetch(unsafe.SliceData(c.buf), at+2*size)
	c.buf = d.appendFrame(c.buf)
	c.frames++
	return c.buf[at:]
}

// tailFor is the tail that the bounds demand when a frame of that size comes
// in. A frame larger than the byte bound is still taken, alone.
func (l *log) tailFor(size int) uint64 {
	tail := l.tail
	if n := l.head + 1; n > l.limits.messages {
		tail = max(tail, n-l.limits.messages)
	}
	if !l.last.fits(size) {
		total := l.bytes + chunkFor(size)
		for c := l.first; c != nil && total > l.limits.bytes; c = c.next {
			total -= cap(c.buf)
			tail = max(tail, c.end())
		}
	}
	return tail
}

// evictTo moves the tail and recycles the chunks that are wholly below it.
func (l *log) evictTo(tail uint64) {
	l.tail = tail
	for c := l.first; c != nil && c.end() <= tail; c = l.first {
		l.bytes -= cap(c.buf)
		l.first = c.next
		if l.first == nil {
			l.last = nil
		}
		c.next, c.seq0 = nil, 0
		if c.pins > 0 {
			c.dead = true
		} else {
			l.recycle(c)
		}
	}
}

func (l *log) newChunk(size int) *chunk {
	c := l.reuse(size)
	if c == nil {
		c = &chunk{buf: make([]byte, 0, chunkFor(size))}
	}
	c.seq0, c.older = l.head, l.newest
	return c
}

// chunkFor is the size of a chunk for a frame of that size. Large frames that
// are alike share sizes, so that a chunk of one serves the next.
func chunkFor(size int) int {
	const page = 4 << 10
	return max(chunkSize, (size+page-1)&^(page-1))
}

// reuse takes a chunk for a frame of that size from the free ones, nil if
// there is none.
func (l *log) reuse(size int) *chunk {
	size = chunkFor(size)
	for p := l.freeOf(size); *p != nil; p = &(*p).next {
		if c := *p; cap(c.buf) == size {
			*p, c.next = c.next, nil
			l.spare -= size
			return c
		}
	}
	return nil
}

// freeOf is the list of free chunks in which those of that size are.
func (l *log) freeOf(size int) **chunk {
	if size > chunkSize {
		return &l.freeLarge
	}
	return &l.free
}

// had reports whether there were frames of these types from one seq up to
// another, which is in the log or its end. What has left it is known as well.
func (l *log) had(types typeSet, from, to uint64) bool {
	if l.first == nil || from >= to {
		return false
	}
	for t, newest := range l.first.older {
		if newest >= from && types.has(MessageType(t)) {
			return true
		}
	}
	from = max(from, l.first.seq0)
	c, off := l.find(from)
	for ; from < to; from++ {
		if from == c.end() {
			c, off = c.next, 0
		}
		frame := c.buf[off:]
		if types.has(frameType(frame)) {
			return true
		}
		off += frameSize(frame)
	}
	return false
}

// recycle keeps a chunk for reuse, but not more memory than the log may use.
func (l *log) recycle(c *chunk) {
	*c = chunk{buf: c.buf[:0]}
	n := cap(c.buf)
	if l.spare+n > l.limits.bytes {
		l.letGo()
	}
	if l.spare+n <= l.limits.bytes {
		list := l.freeOf(n)
		c.next, *list = *list, c
		l.spare += n
	}
}

// letGo drops the free chunks: so many of them are of sizes that are not in
// use any more.
func (l *log) letGo() { l.free, l.freeLarge, l.spare = nil, nil, 0 }

func (l *log) unpin(c *chunk) {
	if c.pins--; c.pins == 0 && c.dead {
		l.recycle(c)
	}
}

// find returns the chunk of a kept frame and the frame's offset in it. There
// is no index: chunks are few, and a walk over length prefixes is rare.
func (l *log) find(seq uint64) (*chunk, int) {
	c := l.first
	for c.end() <= seq && c.next != nil {
		c = c.next
	}
	return c, skipFrames(c.buf, 0, seq-c.seq0)
}

// skipFrames returns the offset n frames behind off.
func skipFrames(buf []byte, off int, n uint64) int {
	for ; n > 0; n-- {
		off += frameSize(buf[off:])
	}
	return off
}

// frameSize is the size of the frame at the start of buf, length included.
func frameSize(buf []byte) int {
	return lengthSize + int(binary.BigEndian.Uint32(buf))
}

// makeRoom waits, under policyBlock, until a frame of that size overtakes no
// cursor. Called and returns with the lock held.
func (l *log) makeRoom(size int) error {
	var deadline <-chan time.Time
	for !l.closed && !l.roomFor(size) {
		if deadline == nil {
			t := time.NewTimer(l.limits.timeout)
			defer t.Stop()
			deadline = t.C
		}
		done := l.awaitCursors(l.tailFor(size))
		l.mu.Unlock()
		select {
		case <-done:
			l.mu.Lock()
		case <-deadline:
			l.mu.Lock()
			if !l.closed && !l.roomFor(size) {
				return ErrTimeout
			}
		}
	}
	return nil
}

func (l *log) roomFor(size int) bool {
	tail := l.tailFor(size)
	if tail > l.floor {
		l.floor = l.lowest()
	}
	return tail <= l.floor
}

// tellOvertaken tells the connections whose cursors are overtaken while
// something is written to them: a writer that waits for a peer which does not
// read would not come to notice. One that is held notices when it is released.
func (l *log) tellOvertaken() {
	l.floor = l.head
	for c := range l.cursors {
		switch {
		case c.seq >= l.tail, !c.running:
			l.floor = min(l.floor, c.seq)
		case c.tooSlow != nil:
			c.tooSlow()
			c.tooSlow = nil
		}
	}
}

// lowest is the position of the slowest cursor, head if there is none.
func (l *log) lowest() uint64 {
	low := l.head
	for c := range l.cursors {
		low = min(low, c.kept)
	}
	return low
}

// awaitCursors returns a channel that is closed when no cursor is below the
// mark. The mark frees a quarter of the log, so that a sender at the bound
// wakes once for many messages, or all that its message needs; a cursor is
// below that. It is that of the sender who needs the least: others may wait, or
// have given up, for a message that needs the whole log.
func (l *log) awaitCursors(needed uint64) <-chan struct{} {
	mark := max(needed, l.tail+(l.head-l.tail)/4)
	if l.waitDone != nil && l.waitMark <= mark {
		return l.waitDone
	}
	if l.waitDone == nil {
		l.waitDone = make(chan struct{})
	}
	l.waitMark, l.waitCount = mark, 0
	for c := range l.cursors {
		if c.kept < mark {
			l.waitCount++
		}
	}
	return l.waitDone
}

// moved tells the log that a cursor has another position. Called with the
// lock.
func (l *log) moved(from, to uint64) {
	switch {
	case l.waitDone == nil:
	case from < l.waitMark && to >= l.waitMark:
		l.waitCount--
		l.settle()
	case from >= l.waitMark && to < l.waitMark:
		l.waitCount++
	}
	l.floor = min(l.floor, to)
}

func (l *log) settle() {
	if l.waitCount <= 0 {
		close(l.waitDone)
		l.waitDone, l.waitCount = nil, 0
	}
}

// close lets every cursor run to the head and then end. Appends fail.
func (l *log) close() {
	l.mu.Lock()
	l.closed = true
	if l.waitDone != nil {
		l.waitCount = 0
		l.settle()
	}
	wake := l.idle
	l.idle = nil
	for c := wake; c != nil; c = c.nextIdle {
		c.isIdle, c.running = false, true
	}
	l.mu.Unlock()
	wake.startAll()
}

// end makes further appends fail, as close does, and changes nothing else.
func (l *log) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
}

// drop takes the frames out that are unwanted, of those from seq on, and
// returns where the others begin, which are laid out anew. It is for a log
// without cursors, and called with the lock.
func (l *log) drop(seq uint64, unwanted func(frame []byte) bool) uint64 {
	var stay [][]byte
	before := l.head - seq
	l.each(seq, func(_ uint64, frame []byte) {
		if !unwanted(frame) {
			stay = append(stay, frame)
		}
	})
	if uint64(len(stay)) == before {
		return seq
	}
	for i, frame := range stay {
		stay[i] = bytes.Clone(frame) // its chunk is used again
	}
	seq = l.head
	l.evictTo(seq)
	for _, frame := range stay {
		l.write(&draft{start: frame}, len(frame), seq)
		l.head++
	}
	return seq
}

// position returns the head: what is appended from now on has at least this
// seq.
func (l *log) position() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// each calls f with the kept frames from seq on, oldest first. f runs under
// the lock.
func (l *log) each(from uint64, f func(seq uint64, frame []byte)) {
	from = max(from, l.tail)
	if from >= l.head {
		return
	}
	c, off := l.find(from)
	for seq := from; seq < l.head; seq++ {
		if seq == c.end() {
			c, off = c.next, 0
		}
		n := frameSize(c.buf[off:])
		f(seq, c.buf[off:off+n])
		off += n
	}
}
