//go:build !linux

package socket

import "syscall"

// askSystem knows nothing here: package syscall has no call for it.
func (p *peer) askSystem(syscall.Conn) {}

// executable is not known here.
func executable(int) string { return "" }

// isStopped is not known here.
func isStopped(int) bool { return false }
