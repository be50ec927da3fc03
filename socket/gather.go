package socket

import "sync/atomic"

// A sender that is slower than its reader, and does not pause, would have each
// of its messages written and read alone, and two processes wake up for it. So
// the writer of such a stream waits for a moment after it has written, and
// takes what has come meanwhile in one call, where Config.Gather asks for it.
// One writer of the process does so at a time.
//
// Elsewhere it lets those threads run first that wait for its core, which in a
// stream are the sender and the reader, while there is more to write already.
//
// Both are for one reader alone that says nothing, when a row of small writes
// has followed one upon the other: an answer does not wait for it, nor a
// message after a pause.

const (
	// streamGap is how long, in microseconds, a cursor is idle at most in a
	// stream.
	streamGap = 50
	// streamWrites are so many small writes before the first wait.
	streamWrites = 8
	// smallWrite is what is small, in bytes: more is worth its call.
	smallWrite = 8 << 10
	// gatherTime is the wait in microseconds, to which the system adds its
	// own: 50, ordinarily.
	gatherTime = 100
	// roomyMessages and roomyBytes are what a log takes at least, so that
	// nothing is overtaken and nobody waits for room meanwhile.
	roomyMessages = 4096
	roomyBytes    = 1 << 20
)

// gathering: a writer of the process waits so.
var gathering atomic.Bool

// A stream is so many small writes that followed one upon the other. It is its
// writer's.
type stream int

// gathers takes note of a write of n bytes, and reports whether to gather now.
func (s *stream) gathers(c *cursor, n int) bool {
	switch {
	case !c.mayGather || c.heard.Load():
		*s = 0
	case n >= smallWrite:
	case *s < streamWrites:
		*s++
	default:
		return true
	}
	return false
}

// resumed takes note that all was written before. For who does not wait, that
// has ended a stream.
func (s *stream) resumed(c *cursor) {
	if !c.log.limits.gather {
		*s = 0
	}
}

// paused takes note of a message after a pause. One pause does not end a
// stream: the system may have stopped the sender for a moment.
func (s *stream) paused() { *s /= 2 }

// gather has more come to write.
func (l *log) gather() {
	switch {
	case !l.limits.gather:
		giveWay()
	case gathering.CompareAndSwap(false, true):
		waitMicros(gatherTime)
		gathering.Store(false)
	}
}

// mayGather reports whether the writer of the cursor may gather. Called with
// the lock.
func (l *log) mayGather(c *cursor) bool {
	return len(l.cursors) == 1 && c.here != nil && !c.left && !l.closed &&
		l.limits.policy != policyLatest && l.limits.messages >= roomyMessages && l.limits.bytes >= roomyBytes
}
