package socket

import (
	"math/rand/v2"
	"time"
)

// A backoff gives the delays between attempts to reconnect: each is drawn
// from all of (0, ceiling], so that clients of one server do not come back in
// step, and the ceiling doubles from min to max. It belongs to one goroutine.
type backoff struct {
	min, max time.Duration
	ceiling  time.Duration
}

func newBackoff(min, max time.Duration) *backoff {
	return &backoff{min: min, max: max, ceiling: min}
}

// next returns how long to wait before the next attempt.
func (b *backoff) next() time.Duration {
	delay := 1 + rand.N(b.ceiling)
	if b.ceiling > b.max/2 {
		b.ceiling = b.max
	} else {
		b.ceiling *= 2
	}
	return delay
}

// reset starts over, after a success.
func (b *backoff) reset() { b.ceiling = b.min }
