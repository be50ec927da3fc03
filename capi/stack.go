package main

// roomBelow is the stack that a signal handler of the host finds below a call
// into Go.
const roomBelow = 64 << 10

// makeRoom grows the goroutine's stack by roomBelow, when it is not that large
// already. The kernel runs a handler that was installed without SA_ONSTACK on
// the stack in use; below a small goroutine stack lies that of another one.
// Every export calls it, through find where it has a handle. It takes a
// nanosecond: the compiler's check before a function with a large frame.
func makeRoom() { large(false) }

//go:noinline
func large(never bool) {
	if never {
		var frame [roomBelow]byte
		touch(&frame)
	}
}

//go:noinline
func touch(frame *[roomBelow]byte) { frame[0]++ }
