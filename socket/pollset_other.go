//go:build !linux || 386 || s390x

package socket

import "net"

// A Pollset is for Linux: elsewhere goroutines read.
type Pollset struct{ event int }

// NewPollset makes one for a descriptor that is readable while events wait.
func NewPollset(event int) *Pollset { return &Pollset{event} }

// Enter returns what a thread that waits polls.
func (ps *Pollset) Enter() int { return ps.event }

// Leave ends what Enter began.
func (ps *Pollset) Leave(int) {}

// End is for who has closed the handle.
func (ps *Pollset) End() {}

func (ps *Pollset) take(*inbox, int) (*block, error) { return nil, ErrTimeout }

func (in *intake) lendOut() error { return nil }

func loosen(c net.Conn, _ *Pollset) net.Conn { return c }
