//go:build !386

package socket

import (
	"syscall"
	"unsafe"
)

// soPeerGroups is not in package syscall. It has the same number on every
// architecture that Go runs Linux on.
const soPeerGroups = 59

// peerGroups returns the supplementary groups of the peer at the other end of
// a socket; none before Linux 4.13, which does not tell.
func peerGroups(fd uintptr) []int {
	gids := make([]uint32, 32)
	for {
		size := uint32(len(gids) * 4)
		_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soPeerGroups,
			uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == syscall.ERANGE && int(size) > len(gids)*4 {
			gids = make([]uint32, size/4) // they are those of the connect, and will not grow
			continue
		}
		if errno != 0 {
			return nil
		}
		groups := make([]int, size/4)
		for i := range groups {
			groups[i] = int(gids[i])
		}
		return groups
	}
}
