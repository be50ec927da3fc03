//go:build !linux || !amd64

package socket

import "time"

// now returns the Unix time in seconds and the microseconds within.
func now() (seconds int64, micros int) {
	t := time.Now()
	return t.Unix(), t.Nanosecond() / 1000
}
