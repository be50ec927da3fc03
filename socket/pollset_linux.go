//go:build linux && !386 && !s390x

package socket

import (
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// A Pollset lets a thread that is not Go's, and waits for events, read the
// connections itself. What a goroutine reads wakes a thread of the runtime
// first, which then wakes the one that waits; this wakes that one alone.
//
// The thread takes what is there with TryReceiveBatch. When that is nothing it
// calls Enter, polls the descriptor until it is readable, tries again, and
// calls Leave when it has something or has waited enough. While somebody does
// so, the goroutines that have nothing to read lend their connections. If
// nobody comes for longer than a thread is usually busy with what it has
// taken, they read again: nothing depends on that somebody comes.
//
// A server or client has one of its own, given to it in Config. All methods may
// be called by several threads at once.
type Pollset struct {
	event int // readable while events wait

	taking sync.Mutex // held by who reads; taken before mu

	mu       sync.Mutex // taken before that of a connection
	fd       int        // the epoll set; -1: nobody has waited yet
	ended    bool
	waiting  int   // threads between Enter and Leave
	seen     int64 // when one was there, in microseconds
	yielded  int64 // when one last gave up its place, the same
	entered  int   // since then
	loans    map[int32]*loan
	lastID   int32
	ready    []*loan     // these have something, as far as is known
	timer    *time.Timer // until look
	watching bool        // it runs
	came     bool        // somebody was there since it was set
}

// takerAway is how long nobody may come to read what was lent.
const takerAway = 20 * time.Millisecond

// mostTurns is how many turns may bring nothing: a connection that has still
// more of that is for its goroutine.
const mostTurns = 64

// placeTime is for how long, in microseconds, a thread keeps its place in the
// runtime while it comes and goes. The runtime takes a place away that one
// goroutine has for 10 ms, as such a thread seems to: and then does so again at
// each look, 20 us apart, with a thread woken up for each. A place that is
// given up in time, when there is nothing to do, is left alone.
// One that waits now and then does not seem so.
const (
	placeTime  = 5000
	placeWaits = 16
)

// A loan is a connection that waits in a pollset.
type loan struct {
	set  *Pollset
	conn *looseConn
	in   *intake
	id   int32
	back chan error // why the connection is over; nil: it is not

	// Of the pollset's mu.
	turning  bool // somebody reads it
	recalled bool // and it is to be given back then
	heard    time.Time
}

// NewPollset makes one for a handle whose descriptor event is readable while
// events wait.
func NewPollset(event int) *Pollset {
	ps := &Pollset{event: event, fd: -1, loans: make(map[int32]*loan)}
	ps.timer = time.AfterFunc(time.Hour, ps.look)
	ps.timer.Stop()
	return ps
}

// Enter registers a thread that is going to wait, and returns what it polls.
func (ps *Pollset) Enter() int {
	ps.mu.Lock()
	if ps.fd < 0 && !ps.ended {
		ps.open()
	}
	if ps.fd < 0 {
		ps.mu.Unlock()
		return ps.event
	}
	ps.waiting++
	ps.entered++
	now := microTime()
	passed := now - ps.yielded
	yields := passed > placeTime && passed < 2*placeTime && ps.entered > placeWaits
	if yields || passed >= 2*placeTime {
		ps.yielded, ps.entered = now, 0
	}
	fd := ps.fd
	ps.mu.Unlock()
	if yields {
		runtime.Gosched()
	}
	return fd
}

// open makes the epoll set. Without a descriptor for it goroutines read.
func (ps *Pollset) open() {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EPOLL_CREATE1, syscall.EPOLL_CLOEXEC, 0, 0)
	if errno != 0 {
		return
	}
	ps.fd = int(fd)
	if ps.control(syscall.EPOLL_CTL_ADD, uintptr(ps.event), 0) != 0 {
		syscall.Close(ps.fd)
		ps.fd = -1
	}
}

func (ps *Pollset) control(op int, fd uintptr, id int32) syscall.Errno {
	e := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: id}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(ps.fd), uintptr(op), fd, uintptr(unsafe.Pointer(&e)), 0, 0)
	return errno
}

// Leave ends what Enter began, which returned fd.
func (ps *Pollset) Leave(fd int) {
	if fd == ps.event {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.waiting--
	ps.here()
	if len(ps.loans) > 0 {
		ps.watch()
	}
}

// here takes note of a thread that takes.
func (ps *Pollset) here() { ps.seen, ps.came = microTime(), true }

// watch has look called, if nobody waits then.
func (ps *Pollset) watch() {
	if !ps.watching {
		ps.watching, ps.came = true, false
		ps.timer.Reset(takerAway)
	}
}

// look ends the loans when nobody has come.
func (ps *Pollset) look() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	switch {
	case ps.waiting > 0 || ps.ended:
		ps.watching = false
	case ps.came:
		ps.came = false
		ps.timer.Reset(takerAway)
	default:
		ps.watching = false
		ps.giveAllBack()
	}
}

func (ps *Pollset) giveAllBack() {
	for _, l := range ps.loans {
		ps.giveBack(l)
	}
}

// End ends all loans, for good. Nobody may be between Enter and Leave.
func (ps *Pollset) End() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.ended = true
	ps.timer.Stop()
	ps.giveAllBack()
	if ps.fd >= 0 {
		syscall.Close(ps.fd)
		ps.fd = -1
	}
}

// wanted reports whether somebody waits, or will soon.
func (ps *Pollset) wanted() bool {
	return !ps.ended && ps.fd >= 0 && (ps.waiting > 0 || microTime()-ps.seen < takerAway.Microseconds())
}

// lend puts a connection into the set until its loan.back. nil: it was not.
func (ps *Pollset) lend(in *intake, c *looseConn) *loan {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !ps.wanted() || !c.bare() {
		return nil
	}
	l := c.last
	if l == nil {
		l = &loan{set: ps, conn: c, in: in, back: make(chan error, 1)}
		c.last = l
	}
	ps.lastID++
	l.id, l.turning, l.recalled, l.heard = ps.lastID, false, false, time.Now()
	c.loan.Store(l) // before we look: who asks for it back does so afterwards
	var failed syscall.Errno
	err := looseRaw{c}.Control(func(fd uintptr) { failed = ps.control(syscall.EPOLL_CTL_ADD, fd, l.id) })
	if err != nil || failed != 0 || in.frames.hurried.Load() {
		ps.remove(l)
		return nil
	}
	ps.loans[l.id] = l
	if ps.waiting == 0 {
		ps.watch()
	}
	return l
}

func (ps *Pollset) recall(l *loan) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.giveBack(l)
}

// giveBack ends a loan, now or when nobody reads it any more.
func (ps *Pollset) giveBack(l *loan) {
	switch {
	case ps.loans[l.id] != l:
	case l.turning:
		l.recalled = true
	default:
		ps.end(l, nil)
	}
}

func (ps *Pollset) end(l *loan, err error) {
	delete(ps.loans, l.id)
	ps.remove(l)
	l.back <- err
}

// remove undoes what lend did with the connection.
func (ps *Pollset) remove(l *loan) {
	l.conn.loan.Store(nil)
	ps.forget(l.conn)
}

// forget takes a connection out of the epoll set. One that is closed is not
// there any more.
func (ps *Pollset) forget(c *looseConn) {
	_ = looseRaw{c}.Control(func(fd uintptr) { ps.control(syscall.EPOLL_CTL_DEL, fd, 0) })
}

// close closes a connection, and takes it out of the set before: where a child
// that the host has forked holds a copy of the descriptor, the system leaves it
// in, and nobody can take it out any more.
func (ps *Pollset) close(c *looseConn) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if c.loan.Load() != nil {
		ps.forget(c)
	}
	return c.close()
}

// take reads what is there and gives the first events, as tryTake does.
func (ps *Pollset) take(q *inbox, limit int) (*block, error) {
	ps.taking.Lock()
	defer ps.taking.Unlock()
	b, err := ps.turn(q, limit)
	ps.mu.Lock()
	unseen := len(ps.ready) > 0
	ps.mu.Unlock()
	if unseen != q.unseen { // which nobody else sets
		q.setUnseen(unseen)
	}
	return b, err
}

// turn reads one connection after the other until there is an event.
func (ps *Pollset) turn(q *inbox, limit int) (*block, error) {
	turns := 0
	for l := ps.first(); l != nil; l = ps.next() {
		if turns++; turns > mostTurns {
			ps.turned(l, readTurn{stuck: true})
			continue
		}
		t := l.in.turn()
		var b *block
		var err error = ErrTimeout
		if t.block != nil {
			b, err = q.pass(t.block, limit)
		}
		ps.turned(l, t)
		if err == ErrTimeout {
			b, err = q.tryTake(limit) // a control frame may have brought something
		}
		if err != ErrTimeout {
			return b, err
		}
	}
	return nil, ErrTimeout
}

// first returns the first connection to read.
func (ps *Pollset) first() *loan {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.loans) > 0 {
		ps.here()
	}
	l := ps.pop()
	if l == nil {
		ps.poll()
		l = ps.pop()
	}
	return l
}

// poll collects the connections that have something. A single one finds out
// when it is read.
func (ps *Pollset) poll() {
	if len(ps.loans) == 1 {
		for _, l := range ps.loans {
			ps.ready = append(ps.ready, l)
		}
		return
	}
	if len(ps.loans) == 0 {
		return
	}
	var events [16]syscall.EpollEvent
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(ps.fd), uintptr(unsafe.Pointer(&events)), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return
	}
	for _, e := range events[:n] {
		if l := ps.loans[e.Fd]; l != nil {
			ps.ready = append(ps.ready, l)
		}
	}
}

// next returns the next one to read.
func (ps *Pollset) next() *loan {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.pop()
}

func (ps *Pollset) pop() *loan {
	for len(ps.ready) > 0 {
		l := ps.ready[0]
		n := copy(ps.ready, ps.ready[1:])
		ps.ready[n] = nil
		ps.ready = ps.ready[:n]
		if ps.loans[l.id] == l {
			l.turning = true
			return l
		}
	}
	return nil
}

// turned takes note of what a turn has come to.
func (ps *Pollset) turned(l *loan, t readTurn) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	l.turning = false
	if t.heard && l.in.frames.quiet > 0 {
		l.heard = time.Now()
	}
	switch {
	case t.err != nil, t.stuck, l.recalled:
		ps.end(l, t.err)
	case t.more:
		ps.ready = append(ps.ready, l)
	}
}

// lendOut has another read the connection, if somebody does, until it is to be
// read here again, or is over.
func (in *intake) lendOut() error {
	c := in.frames.loose()
	if c == nil {
		return nil
	}
	l := c.polls.lend(in, c)
	if l == nil {
		return nil
	}
	quiet := in.frames.quiet
	if quiet == 0 {
		return <-l.back
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case err := <-l.back:
			return err
		case <-timer.C:
		}
		left := l.patience(quiet)
		if left > 0 {
			timer.Reset(left)
			continue
		}
		if err := <-l.back; err != nil {
			return err
		}
		return in.frames.stillSilent()
	}
}

// patience is how long the peer may still be silent; none ends the loan.
func (l *loan) patience(quiet time.Duration) time.Duration {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	left := quiet - time.Since(l.heard)
	if left <= 0 {
		l.set.giveBack(l)
	}
	return left
}
