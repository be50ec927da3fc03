//go:build linux && !386 && !s390x

package socket

import (
	"syscall"
	"unsafe"
)

// waitMicros waits for so long, or less. The runtime's own timers are a
// millisecond late; and it is not told, because to take this thread's place
// away and give it back would cost more than the wait spares.
func waitMicros(micros int64) {
	t := syscall.NsecToTimespec(micros * 1000)
	syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
}

// giveWay lets the threads run that wait for the core of this one. The runtime
// is not told either: what it keeps for this thread is not worth taking.
func giveWay() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
