package socket

import (
	"log/slog"
)

// A writer moves what its cursor gives to the peer, all of it in one write
// each time. It has a goroutine only while there is something to write: the
// cursor starts it, and it ends when the cursor is idle or the connection is
// over.
type writer struct {
	raw    *rawConn
	cursor *cursor
	logger *slog.Logger
	// ended is told, on the writer's goroutine, why it will not run again:
	// nextDrained, nextLeft, nextSlow, or nextBytes with the error of a write.
	ended func(why nextState, err error)
}

// start is the cursor's start. The goroutine belongs to the connection, whose
// end waits for cursor.stopped.
func (w *writer) start() { go w.run() }

func (w *writer) run() {
	idle := false
	defer func() {
		if !idle {
			w.cursor.done()
		}
	}()
	defer recovered(w.logger, "writer")
	for {
		b, state := w.cursor.next()
		if state == nextIdle {
			idle = true
			return
		}
		if state != nextBytes {
			w.ended(state, nil)
			return
		}
		if n, err := w.raw.Write(b); err != nil {
			w.cursor.unwritten(b, n)
			w.ended(nextBytes, err)
			return
		}
	}
}
