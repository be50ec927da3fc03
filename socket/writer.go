package socket

import (
	"log/slog"
)

// A writer moves what its cursor gives to the peer, all of it in one write
// each time. It has a goroutine only while there is something to write that
// the connection does not take at once: the cursor starts it, and it ends when
// the cursor is idle or the connection is over.
type writer struct {
	raw    *rawConn
	cursor *cursor
	logger *slog.Logger
	stream stream
	// ended is told, on the writer's goroutine, why it will not run again:
	// nextDrained, nextLeft, nextSlow, or nextBytes with the error of a write.
	ended func(why nextState, err error)
}

// A turn is what the cursor gave, and how much of it is written.
type turn struct {
	bytes []byte
	state nextState
	done  int
}

// attach makes the writer that of the cursor.
func (w *writer) attach(c *cursor) {
	w.cursor = c
	c.start = w.start
	if w.raw.now != nil {
		c.here = w.here
	}
}

// start is the cursor's start. The goroutine belongs to the connection, whose
// end waits for cursor.ended.
func (w *writer) start() { go w.run(turn{}) }

// here is the cursor's here: one write on the caller's goroutine, which does
// not wait. What is left, an error too, is for a goroutine as that of start.
func (w *writer) here() {
	whole := false
	defer func() {
		if !whole {
			w.raw.Close()
			w.cursor.done()
		}
	}()
	defer recovered(w.logger, "writer")
	w.stream.paused()
	t := w.next()
	if t.state == nextBytes {
		if t.done = w.raw.now.WriteNow(t.bytes); t.done == len(t.bytes) {
			t = w.next()
		}
	}
	whole = true
	if t.state != nextIdle {
		go w.run(t)
	}
}

func (w *writer) next() turn {
	b, state := w.cursor.next()
	return turn{bytes: b, state: state}
}

// run goes on from t. With nothing in it, the cursor is asked first. After a
// panic the connection is closed: its peer would wait for ever.
func (w *writer) run(t turn) {
	idle, whole := false, false
	defer func() {
		if !whole {
			w.raw.Close()
		}
		if !idle {
			w.cursor.done()
		}
	}()
	defer recovered(w.logger, "writer")
	w.stream.resumed(w.cursor)
	for {
		switch {
		case t.state == nextIdle:
			idle, whole = true, true
			return
		case t.state != nextBytes:
			w.ended(t.state, nil)
			whole = true
			return
		case t.done < len(t.bytes):
			if n, err := w.raw.Write(t.bytes[t.done:]); err != nil {
				w.cursor.unwritten(t.bytes, t.done+n)
				w.ended(nextBytes, err)
				whole = true
				return
			}
			if w.stream.gathers(w.cursor, len(t.bytes)) {
				w.cursor.log.gather()
			}
		}
		t = w.next()
	}
}
