//go:build !linux

package socket

import "net"

// askSystem knows nothing here: package syscall has no call for it.
func (p *peer) askSystem(*net.UnixConn) {}

// executable is not known here.
func executable(int) string { return "" }

// isStopped is not known here.
func isStopped(int) bool { return false }
