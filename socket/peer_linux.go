package socket

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// askSystem fills in who connected, or who listened.
func (p *peer) askSystem(c syscall.Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			p.PID, p.UID, p.GID = int(cred.Pid), int(cred.Uid), int(cred.Gid)
			p.groups = peerGroups(fd)
		}
	})
}

// isStopped tells that a process stands still, as after Ctrl-Z.
func isStopped(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	name := bytes.LastIndexByte(stat, ')') // which may hold anything
	return name >= 0 && bytes.HasPrefix(stat[name:], []byte(") T"))
}

// executable returns the program a process runs, "" when we may not know.
func executable(pid int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return path
}
