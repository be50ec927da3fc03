package socket

import (
	"context"
	"flag"
	"time"
)

// soak makes the tests that have a long form take it: the figures that are
// promised, and minutes instead of seconds.
var soak = flag.Bool("soak", false, "run the long form of the tests that have one")

// sized is how much of something a test does.
func sized(ordinary, long int) int {
	if *soak {
		return long
	}
	return ordinary
}

// patient gives a test of the long form the time it needs.
func (b *bed) patient() *bed {
	if *soak {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
		b.t.Cleanup(cancel)
		b.ctx = ctx
	}
	return b
}
