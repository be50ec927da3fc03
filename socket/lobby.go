package socket

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"
)

// How many connections may wait to be let in, and how long one may wait while
// others cannot even be accepted. A right client needs milliseconds: who needs
// longer under such a rush makes room. So those who connect and say nothing
// cost a bounded number of descriptors, and delay a right client by
// lobbyPatience for each lobbySize of them.
const (
	lobbySize     = 256
	lobbyPatience = 250 * time.Millisecond
)

// A lobby holds the connections that are accepted and are no clients yet.
type lobby struct {
	mu       sync.Mutex
	visitors list.List     // of *visitor, in the order they came
	left     chan struct{} // gets a tick when somebody has left
}

func newLobby() *lobby { return &lobby{left: make(chan struct{}, 1)} }

// waiting is how many there are.
func (l *lobby) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.visitors.Len()
}

// A visitor is a connection in the lobby.
type visitor struct {
	lobby *lobby
	conn  net.Conn
	since time.Time
	place *list.Element // nil: not in the lobby any more
	shown bool          // out, to make room
}

// enter takes a connection in, and waits until there is room. It returns nil
// when ctx has ended first.
func (l *lobby) enter(ctx context.Context, c net.Conn) *visitor {
	for {
		v, wait := l.tryEnter(c)
		if v != nil {
			return v
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-l.left:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tryEnter returns how long to wait when there is no room now. Who has waited
// the longest has to go when that was too long.
func (l *lobby) tryEnter(c net.Conn) (*visitor, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.visitors.Len() >= lobbySize {
		oldest := l.visitors.Front().Value.(*visitor)
		if wait := lobbyPatience - now.Sub(oldest.since); wait > 0 {
			return nil, wait
		}
		oldest.shown = true
		oldest.remove()
		oldest.conn.Close()
	}
	v := &visitor{lobby: l, conn: c, since: now}
	v.place = l.visitors.PushBack(v)
	return v, 0
}

// hurry is for the end of the server: who has said nothing yet is not waited
// for.
func (l *lobby) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for e := l.visitors.Front(); e != nil; e = e.Next() {
		e.Value.(*visitor).conn.SetReadDeadline(now)
	}
}

// leave makes room: the connection is a client, or over. It may be called
// more than once.
func (v *visitor) leave() {
	l := v.lobby
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.place == nil {
		return
	}
	v.remove()
	select {
	case l.left <- struct{}{}:
	default:
	}
}

// wasShownOut tells whether it had to make room before it could leave.
func (v *visitor) wasShownOut() bool {
	v.lobby.mu.Lock()
	defer v.lobby.mu.Unlock()
	return v.shown
}

// remove is called with the lobby's lock.
func (v *visitor) remove() {
	v.lobby.visitors.Remove(v.place)
	v.place = nil
}
