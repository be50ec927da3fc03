package socket

// What a reader did not get, or did not want, and how it is told: so that it
// knows the number of the next broadcast, and how many it missed.

// A lag is how many messages a reader missed, and from which to which.
type lag struct{ missed, from, to uint64 }

// miss skips to seq because what lies between is lost to this reader.
func (c *cursor) miss(seq uint64) {
	n := seq - c.seq
	c.missed += n
	c.log.dropped += n
	if c.speaks {
		if c.lag.missed == 0 {
			c.lag.from = c.seq
		}
		c.lag.missed += n
		c.lag.to = seq - 1
	}
	c.moveTo(seq)
}

// pass skips to seq. Where nothing that the reader wants lies between, nothing
// is missed.
func (c *cursor) pass(seq uint64) {
	switch {
	case c.seq >= seq:
	case c.types == 0, c.log.had(c.types, c.seq, seq):
		c.miss(seq)
	default:
		c.moveTo(seq)
	}
}

// takeLag tells what was missed. The next broadcast is then lag.to + 1.
func (c *cursor) takeLag() []byte {
	lagged := control{kind: controlLagged, missed: c.lag.missed, from: c.lag.from, to: c.lag.to}
	c.told = c.lag.to + 1
	c.lag = lag{}
	return lagged.appendFrame(nil)
}

// skipToNewest is policyLatest: of what is waiting, only the newest frame
// that the reader wants is given.
func (c *cursor) skipToNewest() {
	from := max(c.seq, c.log.tail)
	if c.log.head-from < 2 {
		return
	}
	newest := from
	for t, seq := range c.log.newest {
		if c.types.has(MessageType(t)) {
			newest = max(newest, seq)
		}
	}
	c.pass(newest)
}

// untoldLeast is how many frames that it does not want pass a reader before it
// is told the number, however small the log is.
const untoldLeast = 64

// tellNumber queues the number of the next frame for a reader with a filter that
// has let a quarter of the log pass since it heard of one, and reports whether it
// did. A reader that comes back asks from the number it knows: without this, all
// that passed while it was there would count as missed with what it misses.
func (c *cursor) tellNumber() bool {
	if c.types == 0 || c.seq-c.told < max(untoldLeast, c.log.limits.messages/4) {
		return false
	}
	number := control{kind: controlSeq, seq: c.seq}
	c.putFirst(number.appendFrame(nil))
	c.told = c.seq
	return true
}
