package socket

import "sync/atomic"

// A cursor is one reader's place in the log. Its writer calls next for the
// bytes to write, until next has nothing; the cursor is then idle, and the
// append that gives it something starts the writer again.
type cursor struct {
	log   *log
	start func() // starts the writer, outside the lock
	// here is start for one caller that may spend a system call: it writes
	// what the connection takes at once. nil: the connection cannot tell.
	here func()
	// tooSlow is called once, under log.mu, when the cursor was overtaken under
	// policyDisconnect while the writer runs. It must not wait. nil: nobody asks.
	tooSlow func()
	// heard: something came from the reader, after the last message that found
	// the cursor idle.
	heard atomic.Bool
	// mayGather is the writer's, of when it asked last: see gather.go.
	mayGather bool

	// All below is guarded by log.mu once the cursor has joined.

	seq    uint64 // the next frame to give
	kept   uint64 // seq, or where what is being written begins
	told   uint64 // the seq that the reader will give to the next broadcast
	chunk  *chunk // where seq is, if chunk.seq0 is still gen
	gen    uint64
	off    int
	pinned *chunk

	greeting    []byte        // due before everything else, also while held
	first       []besideFrame // due at once, before what follows
	beside      []besideFrame // due in the order they came
	besideBytes int
	scratch     []byte // frames gathered for the reader

	types typeSet // which types the reader wants; 0: all
	// speaks: the reader understands control frames. An old one is told
	// nothing of what it missed.
	speaks bool

	held     bool          // gives its greeting and nothing more yet
	isIdle   bool          // linked in log.idle
	running  bool          // the writer runs, or is about to
	left     bool          // no longer in the log
	stopped  chan struct{} // closed once left and not running; nil: nobody waits
	nextIdle *cursor
	idleAt   int64 // when it became idle, in microseconds

	lag       lag // what was missed and not told yet; lag.missed counts
	delivered uint64
	missed    uint64
}

// join adds a cursor at seq, held until release. Frames from seq on that are
// gone already count as missed.
func (l *log) join(c *cursor, seq uint64) {
	c.log, c.seq, c.kept, c.told, c.held = l, seq, seq, seq, true
	l.cursors[c] = struct{}{}
	l.floor = min(l.floor, seq)
	if l.waitDone != nil && seq < l.waitMark {
		l.waitCount++
	}
}

// release lets a held cursor run.
func (c *cursor) release() {
	c.log.mu.Lock()
	start := c.held && !c.left && !c.running
	c.held = false
	c.running = c.running || start
	c.log.mu.Unlock()
	if start {
		c.start()
	}
}

// greet has the greeting of a held cursor written.
func (c *cursor) greet() {
	c.log.mu.Lock()
	start := c.wake()
	c.log.mu.Unlock()
	if start {
		c.start()
	}
}

// leave removes the cursor and returns its position. Its writer may still
// run, and ends at its following call of next: see ended. Until then the
// position may go back, see unwritten. A pinned chunk is unpinned by nobody but
// the writer.
func (c *cursor) leave() uint64 {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if !c.left {
		c.remove()
		c.tellEnded()
	}
	return c.seq
}

func (c *cursor) remove() {
	c.left = true
	delete(c.log.cursors, c)
	c.log.moved(c.kept, c.log.head)
	c.unlinkIdle()
}

// abandon lets go of what waited for a reader that has left and whose writer
// has ended. It returns how many messages the reader did not get because the
// log was closed; those of the log count as dropped.
func (c *cursor) abandon() (missed uint64) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		missed = max(c.seq, l.tail) - c.seq
		l.each(c.seq, func(_ uint64, frame []byte) {
			if c.types.has(frameType(frame)) {
				missed++
			}
		})
		l.dropped += missed
		missed += messagesIn(c.first) + messagesIn(c.beside)
	}
	c.greeting, c.first, c.beside, c.scratch = nil, nil, nil, nil
	return missed
}

func (c *cursor) unlinkIdle() {
	if !c.isIdle {
		return
	}
	p := &c.log.idle
	for *p != c {
		p = &(*p).nextIdle
	}
	*p, c.nextIdle, c.isIdle = c.nextIdle, nil, false
}

// detachIdle unlinks the idle cursors that a new frame of type t concerns, and
// returns them to be started. The others move past the frame, which their
// readers are told now and then.
func (l *log) detachIdle(t MessageType) (wake *cursor) {
	c := l.idle
	l.idle = nil
	for c != nil {
		following := c.nextIdle
		wanted := c.types.has(t)
		if !wanted {
			c.moveTo(l.head)
		}
		if wanted || c.tellNumber() {
			c.isIdle, c.running = false, true
			c.nextIdle, wake = wake, c
		} else {
			c.nextIdle, l.idle = l.idle, c
		}
		c = following
	}
	return wake
}

// restTime is how long, in microseconds, a cursor has been idle when whoever
// gives it something sends now and then. Then the sender writes by itself: to
// wake a goroutine for it takes as long, and the message would wait for that.
// One that sends without a pause leaves the writing to the writer, which takes
// what has come meanwhile in one call. Where streams are gathered, one that
// answers is written to without any pause: on one core it may have run, and
// answered, before the writing of what it answers was over. For one that says
// nothing the pause has to be streamGap.
const restTime = 5

// rested reports whether whoever woke the cursor, which was just detached, is to
// write. Called with the lock.
func (c *cursor) rested() bool {
	pause, heard := int64(restTime), c.heard.Swap(false)
	if c.log.limits.gather {
		if heard {
			return c.here != nil
		}
		pause = streamGap
	}
	return c.here != nil && microTime()-c.idleAt >= pause
}

// startOne starts the writer of a cursor that was taken out of the idle ones,
// or writes here.
func (c *cursor) startOne(here bool) {
	if here {
		c.here()
	} else {
		c.start()
	}
}

// startAll starts the writers of a detached list. A cursor may be idle again
// as soon as it is started, so its link is read before.
func (c *cursor) startAll() {
	for c != nil {
		following := c.nextIdle
		c.start()
		c = following
	}
}

// nextState says what next found.
type nextState uint8

const (
	nextBytes   nextState = iota // write these and call again
	nextIdle                     // nothing now; the writer ends, and is started again
	nextDrained                  // nothing, and nothing will come
	nextLeft                     // the cursor has left the log
	nextSlow                     // overtaken under policyDisconnect
)

// next returns the bytes to write now. They stay readable until the following
// call of next or done, and have to be written whole.
func (c *cursor) next() ([]byte, nextState) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	c.unpin()
	c.written()
	c.mayGather = l.mayGather(c)
	switch {
	case c.left:
		return nil, nextLeft
	case c.greeting != nil:
		b := c.greeting
		c.greeting = nil
		return b, nextBytes
	case c.held: // release starts the writer again
		c.running = false
		return nil, nextIdle
	case len(c.first) > 0:
		return c.takeBeside(&c.first), nextBytes
	case c.besideDue():
		return c.takeBeside(&c.beside), nextBytes
	}
	if l.limits.policy == policyLatest {
		c.skipToNewest()
	}
	if c.seq < l.tail {
		if l.limits.policy == policyDisconnect {
			c.tooSlow = nil
			return nil, nextSlow
		}
		c.miss(l.tail)
	}
	if c.lag.missed > 0 {
		return c.takeLag(), nextBytes
	}
	if c.seq < l.head && !c.besideDue() { // what was missed may have made it due
		if b := c.take(); b != nil {
			return b, nextBytes
		}
	}
	switch {
	case c.besideDue():
		return c.takeBeside(&c.beside), nextBytes
	case l.closed:
		return nil, nextDrained
	case c.tellNumber():
		return c.takeBeside(&c.first), nextBytes
	}
	c.isIdle, c.running = true, false
	c.nextIdle, l.idle = l.idle, c
	c.idleAt = microTime()
	return nil, nextIdle
}

// done ends the writer's use of the cursor for good, unless it ended with
// nextIdle. The cursor leaves, so that nobody waits for it.
func (c *cursor) done() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.unpin()
	c.running = false
	if !c.left {
		c.remove()
	}
	c.tellEnded()
}

// ended returns a channel that is closed once the cursor has left and its
// writer does not run.
func (c *cursor) ended() <-chan struct{} {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.stopped == nil {
		c.stopped = make(chan struct{})
		c.tellEnded()
	}
	return c.stopped
}

// tellEnded tells who waits for the end, if this is it.
func (c *cursor) tellEnded() {
	if c.stopped != nil && c.left && !c.running {
		close(c.stopped)
	}
}

// written takes note that what was handed out has been written.
func (c *cursor) written() {
	c.log.moved(c.kept, c.seq)
	c.kept = c.seq
}

// unwritten takes back the frames of b, handed out last, that are not whole in
// the n bytes which were written. What was copied for this reader is not taken
// back: a client's log, whose frames go to the next connection, copies none.
func (c *cursor) unwritten(b []byte, n int) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.pinned == nil {
		return
	}
	whole := c.kept
	for n >= lengthSize && n >= frameSize(b) {
		n -= frameSize(b)
		b = b[frameSize(b):]
		whole++
	}
	c.delivered -= c.seq - whole
	c.log.delivered -= c.seq - whole
	c.seq, c.chunk = whole, nil
}

func (c *cursor) unpin() {
	if c.pinned != nil {
		c.log.unpin(c.pinned)
		c.pinned = nil
	}
}

// moveTo sets the position without saying anything about what lies between.
func (c *cursor) moveTo(seq uint64) {
	c.seq, c.chunk = seq, nil
	c.written()
}

// wake takes the cursor out of the idle ones and reports whether it has to be
// started, after the unlock.
func (c *cursor) wake() bool {
	start := c.isIdle || c.held && c.greeting != nil && !c.running && !c.left
	c.unlinkIdle()
	c.running = c.running || start
	return start
}

// understands reports whether the reader understands control frames.
func (c *cursor) understands() bool {
	if c.log != nil { // a peer that was refused never joined
		c.log.mu.Lock()
		defer c.log.mu.Unlock()
	}
	return c.speaks
}

// locate makes chunk and off point at seq, which is in the log.
func (c *cursor) locate() {
	if c.chunk == nil || c.chunk.seq0 != c.gen {
		c.chunk, c.off = c.log.find(c.seq)
		c.gen = c.chunk.seq0
	}
	if c.seq == c.chunk.end() {
		c.chunk, c.off = c.chunk.next, 0
		c.gen = c.chunk.seq0
	}
}

// take hands out frames from the log: all up to the end of the chunk or to
// the next frame beside the log. nil: none of them is for this reader.
func (c *cursor) take() []byte {
	if c.types != 0 {
		return c.takeFiltered()
	}
	c.locate()
	k, off := c.chunk, c.off
	end, stop := k.end(), len(k.buf)
	if limit := c.limit(); limit < end {
		end, stop = limit, skipFrames(k.buf, off, limit-c.seq)
	}
	k.pins++
	c.pinned = k
	c.give(end, stop)
	return k.buf[off:stop]
}

// give records that the frames up to seq end, at offset stop, are handed out.
func (c *cursor) give(end uint64, stop int) {
	n := end - c.seq
	c.delivered += n
	c.log.delivered += n
	c.seq, c.told, c.off = end, end, stop
}

// limit is the position at which the next frame beside the log is due.
func (c *cursor) limit() uint64 {
	if len(c.beside) > 0 {
		return c.beside[0].before
	}
	return c.log.head
}

// takeFiltered gathers copies of the frames that the reader wants, with their
// numbers where frames between them were left out.
func (c *cursor) takeFiltered() []byte {
	out := c.scratch[:0]
	limit := c.limit()
	for c.seq < limit && len(out) < chunkSize {
		c.locate()
		n := frameSize(c.chunk.buf[c.off:])
		frame := c.chunk.buf[c.off : c.off+n]
		if !c.types.has(frameType(frame)) {
			c.seq, c.off = c.seq+1, c.off+n
			continue
		}
		if c.speaks && c.told != c.seq {
			n := control{kind: controlSeq, seq: c.seq}
			out = n.appendFrame(out)
		}
		out = append(out, frame...)
		c.give(c.seq+1, c.off+n)
	}
	if len(out) == 0 {
		c.written()
		return nil
	}
	return c.gathered(out)
}

// gathered keeps the memory of out for the next time, unless a large frame has
// grown it.
func (c *cursor) gathered(out []byte) []byte {
	if c.scratch = out; cap(out) > 2*chunkSize {
		c.scratch = nil
	}
	return out
}
