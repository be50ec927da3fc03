package socket

// Frames for one reader alone, messages (unicast) and ours (control), do not
// go into the log: they wait beside it, each with the position in the log
// before which it is to be written.

// maxBeside bounds what waits beside the log for one reader, in bytes; the
// same measure as a log by default. It keeps a reader that has stopped from
// filling the memory with unicasts.
const maxBeside = 8 << 20

// besideFrame is a frame that is due before frame "before".
type besideFrame struct {
	before uint64
	frame  []byte
	size   int // what it takes of maxBeside
}

// pushFirst queues a frame that is due at once; pushInOrder one that is due
// behind what has been appended so far. A reader that takes neither is not
// waited for: the push fails with ErrSlow.
func (c *cursor) pushFirst(frame []byte) error   { return c.push(frame, false) }
func (c *cursor) pushInOrder(frame []byte) error { return c.push(frame, true) }

func (c *cursor) push(frame []byte, inOrder bool) error {
	l := c.log
	l.mu.Lock()
	switch {
	case c.left, l.closed:
		l.mu.Unlock()
		return ErrClosed
	case c.besideBytes > 0 && c.besideBytes+len(frame) > maxBeside:
		l.mu.Unlock()
		return fail(ErrSlow, "the client has not read %d bytes sent to it alone", c.besideBytes)
	}
	if inOrder && !c.held {
		c.putBeside(frame, l.head)
	} else {
		c.putFirst(frame)
	}
	start := c.wake()
	here := start && inOrder && c.rested()
	l.mu.Unlock()
	if start {
		c.startOne(here)
	}
	return nil
}

// putFirst and putBeside queue a frame that is due at once, or before the
// frame of that seq. Called with log.mu.
func (c *cursor) putFirst(frame []byte) {
	c.first = append(c.first, besideFrame{0, frame, len(frame)})
	c.besideBytes += len(frame)
}

func (c *cursor) putBeside(frame []byte, before uint64) {
	c.beside = append(c.beside, besideFrame{before, frame, len(frame)})
	c.besideBytes += len(frame)
}

// putShared is putBeside for a retained frame, which all readers share.
func (c *cursor) putShared(frame []byte, before uint64) {
	c.beside = append(c.beside, besideFrame{before, frame, 0})
}

// messagesIn counts the messages among the frames; the others are ours.
func messagesIn(frames []besideFrame) (n uint64) {
	for _, f := range frames {
		if f.frame[lengthSize+1] == keyEventName[0] {
			n++
		}
	}
	return n
}

func (c *cursor) besideDue() bool {
	return len(c.beside) > 0 && c.beside[0].before <= c.seq
}

// takeBeside gathers the frames of a list that are due.
func (c *cursor) takeBeside(list *[]besideFrame) []byte {
	out := c.scratch[:0]
	rest := *list
	for len(rest) > 0 && len(out) < chunkSize && rest[0].before <= c.seq {
		out = append(out, rest[0].frame...)
		c.besideBytes -= rest[0].size
		rest[0].frame = nil
		rest = rest[1:]
	}
	if len(rest) == 0 {
		rest = nil
	}
	*list = rest
	return c.gathered(out)
}
