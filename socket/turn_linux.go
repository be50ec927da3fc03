//go:build linux && !386 && !s390x

package socket

import (
	"errors"
	"os"
)

// A readTurn is what one who reads a connection in place of its goroutine has
// found.
type readTurn struct {
	block *block // nil: no messages
	heard bool   // something was read
	more  bool   // something is left to be looked at
	stuck bool   // in the middle of a frame
	err   error  // the connection is over
}

// turn does what run does, as far as it can be done without waiting: up to one
// block or one control frame.
func (in *intake) turn() (t readTurn) {
	whole := false
	defer func() {
		if !whole {
			t = readTurn{err: errPanicked}
		}
	}()
	defer recovered(in.logger, "connection")
	in.equip()
	in.frames.lent = true
	t = in.look()
	if in.filled() {
		t.block = in.detach()
	}
	in.frames.lent = false
	in.rest()
	whole = true
	return t
}

// errPanicked ends a connection whose reading met a bug.
var errPanicked = fail(ErrIO, "a bug ended the connection: the log has it")

func (in *intake) look() (t readTurn) {
	fr := &in.frames
	for {
		body, err := fr.scan()
		if err != nil {
			t.err = err
			return t
		}
		if body == nil {
			if in.filled() || t.heard { // others have a turn as well
				t.more = fr.within()
				return t
			}
			n, err := fr.readNow()
			if n == 0 {
				t.err, t.stuck = err, fr.within()
				return t
			}
			t.heard = true
			in.grow()
			continue
		}
		isControl, err := in.frame(body)
		if err != nil || isControl || in.full() {
			t.err, t.more = err, fr.within()
			return t
		}
	}
}

// readNow reads what is there: 0 without an error is nothing.
func (fr *frameReader) readNow() (int, error) {
	n, err := fr.readWith(fr.loose().ReadNow)
	if n == 0 && err == nil && !fr.within() {
		fr.close()
	}
	return n, fr.ended(err)
}

// stillSilent looks once more at a peer of which nothing has come in time.
func (fr *frameReader) stillSilent() error {
	n, err := fr.lookAgain()
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errSilent
	}
	return err
}

// loose returns the connection if another may read it, else nil.
func (fr *frameReader) loose() *looseConn {
	raw, _ := fr.src.(*rawConn)
	if raw == nil {
		return nil
	}
	c, _ := raw.conn.(*looseConn)
	return c
}
