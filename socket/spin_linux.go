//go:build linux && !386 && !s390x

package socket

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A spinner is the setting spin_us at work: who reads a connection looks again
// and again before it sleeps, because waking up takes longer than many an
// answer. It does so once for each time that something has come: a peer that
// is silent costs nothing.
type spinner struct {
	most  time.Duration
	now   func() time.Time
	rest  func() // between two looks
	armed bool   // something has come since the last spin
	until time.Time
}

// newSpinner makes one for a reader whose events a goroutine takes, or else a
// thread that is notified.
func newSpinner(most time.Duration, notified bool) *spinner {
	rest := runtime.Gosched // what has come is taken on this thread
	switch {
	case notified && runtime.GOMAXPROCS(0) > 1:
		rest = yieldThread // Gosched would wake threads of the runtime for nothing
	case cores == 1:
		rest = yieldBoth
	}
	return &spinner{most: most, now: time.Now, rest: rest}
}

// cores are those that the process may run on, spinners those of it that look:
// a core is left to the others.
var (
	cores    = runtime.NumCPU()
	spinners atomic.Int32
)

func yieldThread() { _, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }

func yieldBoth() {
	runtime.Gosched()
	yieldThread()
}

// arm allows one spin: something has come.
func (s *spinner) arm() {
	if s != nil {
		s.armed = true
	}
}

// begin reports whether to look, until end.
func (s *spinner) begin() bool {
	if s == nil || !s.armed {
		return false
	}
	s.armed = false
	if int(spinners.Add(1)) > max(1, cores-1) {
		s.end()
		return false
	}
	s.until = s.now().Add(s.most)
	return true
}

// again rests, and reports whether there is time for another look.
func (s *spinner) again() bool {
	s.rest()
	return s.now().Before(s.until)
}

func (s *spinner) end() { spinners.Add(-1) }
