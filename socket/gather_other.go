//go:build !linux || 386 || s390x

package socket

// waitMicros would wait for so long.
func waitMicros(int64) {}

// giveWay would let other threads run.
func giveWay() {}
