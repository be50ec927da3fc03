package socket

import (
	"context"
	"sync"
)

// An inbox holds what has happened until the host takes it. Messages are
// bounded: when it is full, the reader that fills it waits, and so stops
// reading its connection. Nothing in it is ever dropped.
type inbox struct {
	maxMessages int
	maxBytes    int
	notify      func(readable bool)
	polls       *Pollset // who takes reads connections there; nil: it does not

	mu          sync.Mutex
	space       sync.Cond // those who wait for room
	first, last *block    // none is empty
	events      int       // that wait
	messages    int       // among them
	bytes       int       // that these weigh
	logs        int
	end         error // what take returns once nothing waits; nil: wait
	shut        bool  // readers may not add any more
	closed      bool  // EventClosed is there: nothing comes after it
	unseen      bool  // a pollset has read what was not looked at yet
	untold      bool  // something was added quietly: see addQuietly
	readable    bool

	packed   *buffer // see pack; nil: none
	packedTo int     // what is behind it is free

	// What unlock has to tell, which may have the one who is told run at once
	// in place of who tells: not while that one holds the lock.
	wake, tell bool

	// ready carries a token while something waits, so that one of several
	// waiting receivers wakes up for it.
	ready chan struct{}
}

func newInbox(s *Settings, notify func(bool)) *inbox {
	q := &inbox{
		maxMessages: s.BufferSize,
		maxBytes:    s.BufferBytes,
		notify:      notify,
		ready:       make(chan struct{}, 1),
	}
	q.space.L = &q.mu
	return q
}

// add appends a block of messages, and waits for room first. It returns false
// when the inbox was shut; the events are then released. A block larger than
// the whole inbox goes in when the inbox is empty.
func (q *inbox) add(b *block) bool { return q.insert(b, true, false) }

// addNow is add that does not wait.
func (q *inbox) addNow(b *block) bool { return q.insert(b, false, false) }

// quietMessages and quietBytes are what wakes a receiver up although there is
// more to read.
const (
	quietMessages = 8 * blockEvents
	quietBytes    = 1 << 20
)

// addQuietly is add that wakes no receiver up yet, unless much waits: the
// reader goes on, and calls announce before it waits. In a stream the thread
// that a receiver runs on costs more to wake up, block by block, than the
// receiver does with a block. Where somebody is notified it is add.
func (q *inbox) addQuietly(b *block) bool { return q.insert(b, true, q.notify == nil) }

// announce wakes a receiver up for what was added quietly.
func (q *inbox) announce() {
	q.mu.Lock()
	if q.untold {
		q.signal()
	}
	q.unlock()
}

func (q *inbox) insert(b *block, wait, quietly bool) bool {
	q.mu.Lock()
	if b.sparse && q.bytes+b.bytes > q.maxBytes/4 {
		q.pack(b)
	}
	for wait && !q.shut && q.messages > 0 && (q.messages+b.messages > q.maxMessages || q.bytes+b.bytes > q.maxBytes) {
		if q.untold {
			q.signal()
			q.unlock()
			q.mu.Lock()
			continue
		}
		q.space.Wait()
	}
	if q.shut {
		q.mu.Unlock()
		releaseEvents(b.events)
		b.recycle()
		return false
	}
	q.account(b, 1)
	n := len(b.events)
	copied := n <= fewEvents || q.last != nil && q.last.room() >= n
	if copied {
		q.roomFor(n).append(b)
	} else {
		q.chain(b)
	}
	q.untold = quietly && q.messages < quietMessages && q.bytes < quietBytes
	if !q.untold {
		q.signal()
	}
	q.unlock()
	if copied {
		b.recycle()
	}
	return true
}

// pack copies what the events of a sparse block borrow to a buffer of the
// inbox, where it is close together, and gives their own back: when messages
// come one by one and nobody takes them, each would hold a buffer.
func (q *inbox) pack(b *block) {
	if q.packed == nil || len(q.packed.data)-q.packedTo < b.used {
		q.unpack()
		q.packed, q.packedTo = newBuffer(bufferSize), 0
	}
	from := b.events[0].buf
	b.bytes = 0
	for i := range b.events {
		e := &b.events[i]
		for _, s := range []*[]byte{&e.EventName, &e.TimestampISO, &e.Data} {
			at := q.packedTo
			q.packedTo += copy(q.packed.data[at:], *s)
			*s = q.packed.data[at:q.packedTo:q.packedTo]
		}
		e.borrow(q.packed)
		b.bytes += e.weight
	}
	from.release(len(b.events))
}

// unpack lets go of the buffer that is packed.
func (q *inbox) unpack() {
	if q.packed != nil {
		q.packed.release(1)
		q.packed = nil
	}
}

// awaitRoom waits while more events wait than there may be messages, which is
// so when the host takes none.
func (q *inbox) awaitRoom() {
	q.mu.Lock()
	defer q.unlock()
	for !q.shut && q.events > q.maxMessages {
		q.space.Wait()
	}
}

// crowded reports whether awaitRoom would wait.
func (q *inbox) crowded() bool {
	q.mu.Lock()
	defer q.unlock()
	return !q.shut && q.events > q.maxMessages
}

// force appends an event that does not count: there are few of them.
func (q *inbox) force(e Event) {
	q.mu.Lock()
	q.put(e)
	q.unlock()
}

// addLog appends a log line, unless too many wait already.
func (q *inbox) addLog(e Event) {
	q.mu.Lock()
	defer q.unlock()
	if q.logs < maxLogEvents && !q.closed {
		q.put(e)
	}
}

func (q *inbox) put(e Event) {
	last := q.roomFor(1)
	q.account(last, -1)
	last.push(e)
	q.account(last, 1)
	q.signal()
}

// roomFor returns the last block, a new one if it has no room for n events.
// The first of those that wait is small, as nearly always little does.
func (q *inbox) roomFor(n int) *block {
	switch {
	case q.last == nil:
		q.chain(newBlock(n))
	case q.last.room() < n:
		q.chain(newBlock(blockEvents))
	}
	return q.last
}

// chain makes a block the last one.
func (q *inbox) chain(b *block) {
	if q.last == nil {
		q.first = b
	} else {
		q.last.next = b
	}
	q.last = b
}

// account adds or subtracts what waits in a block.
func (q *inbox) account(b *block, sign int) {
	q.events += sign * b.left()
	q.messages += sign * b.messages
	q.bytes += sign * b.bytes
	q.logs += sign * b.logs
}

// stop refuses further messages and lets readers that wait for room go.
func (q *inbox) stop() {
	q.mu.Lock()
	defer q.unlock()
	q.shut = true
	q.space.Broadcast()
}

// finish makes take return err once nothing waits.
func (q *inbox) finish(err error) {
	q.mu.Lock()
	defer q.unlock()
	q.end = err
	q.signal()
}

// close adds the last event. err is what take returns after it.
func (q *inbox) close(err error) {
	q.mu.Lock()
	defer q.unlock()
	q.closed, q.end = true, err
	q.put(Event{Kind: EventClosed, Reason: ReasonClosed})
}

// signal notes what unlock has to tell, after any change under the lock.
func (q *inbox) signal() {
	q.untold = false
	readable := q.first != nil || q.end != nil || q.unseen
	q.wake = readable
	if readable != q.readable {
		q.readable, q.tell = readable, readable
		if q.notify != nil && !readable {
			q.notify(false)
		}
	}
}

// unlock wakes a receiver and tells notify, if there is anything to tell.
func (q *inbox) unlock() {
	wake, tell := q.wake, q.tell && q.notify != nil
	q.wake, q.tell = false, false
	q.mu.Unlock()
	if wake {
		select {
		case q.ready <- struct{}{}:
		default:
		}
	}
	if !tell {
		return
	}
	q.notify(true)
	q.mu.Lock()
	if !q.readable { // all was taken before that, or meanwhile
		q.notify(false)
	}
	q.mu.Unlock()
}

// tryTake gives up to limit events, those of one block at most. Without any it
// returns ErrTimeout, or the end.
func (q *inbox) tryTake(limit int) (*block, error) {
	q.mu.Lock()
	defer q.unlock()
	b := q.first
	if b == nil {
		if q.end != nil {
			q.signal()
			return nil, q.end
		}
		return nil, ErrTimeout
	}
	if b.at == 0 && b.left() <= limit {
		q.unchain()
	} else {
		whole := b
		b = whole.take(limit)
		if whole.left() == 0 {
			q.unchain()
			whole.recycle()
		}
	}
	q.account(b, -1)
	if q.messages == 0 {
		q.unpack()
	}
	q.space.Broadcast()
	q.signal()
	return b, nil
}

// unchain removes the first block.
func (q *inbox) unchain() {
	b := q.first
	if q.first = b.next; q.first == nil {
		q.last = nil
	}
	b.next = nil
}

// pass is add, by who takes, and tryTake.
func (q *inbox) pass(b *block, limit int) (*block, error) {
	q.mu.Lock()
	first := q.first == nil && !q.shut && b.left() <= limit
	q.mu.Unlock()
	if first {
		return b, nil
	}
	q.addNow(b)
	return q.tryTake(limit)
}

// setUnseen says whether a take would find something that is not here yet.
func (q *inbox) setUnseen(unseen bool) {
	q.mu.Lock()
	defer q.unlock()
	q.unseen = unseen
	q.signal()
}

// take waits for at least one event.
func (q *inbox) take(ctx context.Context, limit int) (*block, error) {
	for {
		b, err := q.tryTake(limit)
		if err != ErrTimeout {
			return b, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// putBack returns the events of a block that were not looked at, from the n-th
// on, to the front.
func (q *inbox) putBack(b *block, n int) {
	rest := newBlock(len(b.events) - n)
	for i := n; i < len(b.events); i++ {
		rest.push(b.events[i])
	}
	clear(b.events[n:])
	b.recycle()
	if rest.left() == 0 {
		rest.recycle()
		return
	}
	q.mu.Lock()
	defer q.unlock()
	q.account(rest, 1)
	if rest.next = q.first; q.first == nil {
		q.last = rest
	}
	q.first = rest
	q.signal()
}

// waiting is the number of messages that wait.
func (q *inbox) waiting() int {
	q.mu.Lock()
	defer q.unlock()
	return q.messages
}

// dropMessages drops the messages that wait; other events stay.
func (q *inbox) dropMessages() {
	q.mu.Lock()
	defer q.unlock()
	all := q.first
	q.first, q.last = nil, nil
	q.events, q.messages, q.bytes, q.logs = 0, 0, 0, 0
	for b := all; b != nil; {
		for i := range b.events[b.at:] {
			if e := &b.events[b.at+i]; e.Kind == EventMessage {
				e.release()
			} else {
				q.put(*e)
			}
		}
		empty := b
		b = b.next
		empty.recycle()
	}
	q.unpack()
	q.space.Broadcast()
	q.signal()
}
