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
