package socket

import "syscall"

// now returns the Unix time in seconds and the microseconds within. It asks
// the wall clock alone: time.Now reads the monotonic clock as well and takes
// twice as long, which would be most of what encoding a message costs.
func now() (seconds int64, micros int) {
	var tv syscall.Timeval
	_ = syscall.Gettimeofday(&tv) // cannot fail with a valid pointer
	return tv.Sec, int(tv.Usec)
}
