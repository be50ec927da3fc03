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

	mu       sync.Mutex
	space    sync.Cond // those who wait for room
	events   []Event   // events[at:] wait
	at       int
	messages int
	bytes    int
	logs     int   // log lines among the events
	end      error // what take returns once nothing waits; nil: wait
	shut     bool  // readers may not add any more
	closed   bool  // EventClosed is there: nothing comes after it
	readable bool

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

// add appends messages, and waits for room first. It returns false when the
// inbox was shut; the events are then released. A batch larger than the whole
// inbox goes in when the inbox is empty. free is the empty slice with which the
// caller goes on: an inbox whose host keeps up exchanges the memory with it.
func (q *inbox) add(events []Event, bytes int) (free []Event, ok bool) {
	q.mu.Lock()
	for !q.shut && q.messages > 0 && (q.messages+len(events) > q.maxMessages || q.bytes+bytes > q.maxBytes) {
		q.space.Wait()
	}
	if q.shut {
		q.mu.Unlock()
		releaseEvents(events)
		clear(events)
		return events[:0], false
	}
	q.messages += len(events)
	q.bytes += bytes
	if len(q.events) == 0 && alike(cap(q.events), cap(events)) {
		q.events, events = events, q.events
		q.signal()
	} else {
		q.put(events...)
	}
	q.unlock()
	clear(events)
	return events[:0], true
}

// alike reports whether memory for so many events may be exchanged: one of
// thousands of connections is not to get that of a large inbox.
func alike(inbox, batch int) bool { return batch/2 <= inbox && inbox <= batch }

// awaitRoom waits while more events wait than there may be messages, which is
// so when the host takes none.
func (q *inbox) awaitRoom() {
	q.mu.Lock()
	defer q.unlock()
	for !q.shut && len(q.events)-q.at > q.maxMessages {
		q.space.Wait()
	}
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
		q.logs++
		q.put(e)
	}
}

func (q *inbox) put(events ...Event) {
	if q.at > 0 && len(q.events)+len(events) > cap(q.events) {
		n := copy(q.events, q.events[q.at:])
		clear(q.events[n:])
		q.events, q.at = q.events[:n], 0
	}
	q.events = append(q.events, events...)
	q.signal()
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
	readable := len(q.events) > q.at || q.end != nil
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

// tryTake moves up to limit events to dst. Without any it returns ErrTimeout, or
// the end.
func (q *inbox) tryTake(dst []Event, limit int) ([]Event, error) {
	q.mu.Lock()
	defer q.unlock()
	n := min(len(q.events)-q.at, limit)
	if n == 0 {
		if q.end != nil {
			q.signal()
			return dst, q.end
		}
		return dst, ErrTimeout
	}
	if q.at == 0 && n == len(q.events) && len(dst) == 0 {
		dst, q.events = q.events, dst
	} else {
		taken := q.events[q.at : q.at+n]
		dst = append(dst, taken...)
		clear(taken)
		q.at += n
		if q.at == len(q.events) {
			q.events, q.at = q.events[:0], 0
		}
	}
	q.account(dst[len(dst)-n:], -1)
	q.space.Broadcast()
	q.signal()
	return dst, nil
}

// account adds or subtracts what the events weigh.
func (q *inbox) account(events []Event, sign int) {
	for i := range events {
		switch e := &events[i]; e.Kind {
		case EventMessage:
			q.messages += sign
			q.bytes += sign * e.weight
		case EventLog:
			q.logs += sign
		}
	}
}

// take waits for at least one event.
func (q *inbox) take(ctx context.Context, dst []Event, limit int) ([]Event, error) {
	for {
		out, err := q.tryTake(dst, limit)
		if err != ErrTimeout {
			return out, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return dst, ctx.Err()
		}
	}
}

// putBack returns events that were taken and not looked at, to the front.
func (q *inbox) putBack(events []Event) {
	if len(events) == 0 {
		return
	}
	q.mu.Lock()
	defer q.unlock()
	q.account(events, 1)
	q.events = append(append(make([]Event, 0, len(events)+len(q.events)-q.at), events...), q.events[q.at:]...)
	q.at = 0
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
	kept := make([]Event, 0, len(q.events)-q.at)
	for _, e := range q.events[q.at:] {
		if e.Kind == EventMessage {
			e.release()
		} else {
			kept = append(kept, e)
		}
	}
	q.events, q.at = kept, 0
	q.messages, q.bytes = 0, 0
	q.space.Broadcast()
	q.signal()
}
