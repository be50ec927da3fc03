package socket

import (
	"math"
	"testing"
	"time"
)

func TestBackoffDoublesToItsMaximum(t *testing.T) {
	for _, c := range []struct {
		name     string
		min, max time.Duration
		ceilings []time.Duration
	}{
		{"unix", 50 * time.Millisecond, 300 * time.Millisecond, []time.Duration{50e6, 100e6, 200e6, 300e6, 300e6}},
		{"power of two", 1, 4, []time.Duration{1, 2, 4, 4}},
		{"constant", time.Second, time.Second, []time.Duration{1e9, 1e9}},
		{"no overflow", math.MaxInt64 - 1, math.MaxInt64, []time.Duration{math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackoff(c.min, c.max)
			for range 2 { // the second time after reset
				for i, ceiling := range c.ceilings {
					if b.ceiling != ceiling {
						t.Fatalf("delay %d is at most %v, want %v", i, b.ceiling, ceiling)
					}
					if d := b.next(); d <= 0 || d > ceiling {
						t.Fatalf("delay %d is %v, want one of (0, %v]", i, d, ceiling)
					}
				}
				b.reset()
			}
		})
	}
}

// TestBackoffJitter: delays come from the whole range, or clients that lost
// the same server would all come back at once.
func TestBackoffJitter(t *testing.T) {
	var quarters [4]int
	b := newBackoff(time.Second, time.Second)
	for range 1000 {
		quarters[(b.next()-1)*4/time.Second]++
	}
	for i, n := range quarters {
		if n < 100 {
			t.Errorf("quarter %d of the range: %d of 1000 delays", i+1, n)
		}
	}
}
