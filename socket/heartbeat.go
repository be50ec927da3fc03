package socket

import "time"

// A peer over the network can vanish without a word. Both ends of a TCP
// connection therefore say "ping" when they have nothing else to say, and take
// a peer for dead that was silent for three heartbeats. A side that does not
// read, because its host takes nothing, still pings; so does a server whose
// host has not let a client go yet.

var pingFrame = (&control{kind: controlPing}).appendFrame(nil)

// ping queues a ping unless the writer is busy anyway. A held cursor gives
// nothing but its greeting, and so the ping too as one.
func (c *cursor) ping() {
	c.log.mu.Lock()
	start := false
	switch {
	case !c.speaks:
	case c.isIdle:
		c.putFirst(pingFrame)
		start = c.wake()
	case c.held && c.greeting == nil:
		c.greeting = pingFrame
		start = c.wake()
	}
	c.log.mu.Unlock()
	if start {
		c.start()
	}
}

// beat pings the clients until the server closes.
func (s *Server) beat() {
	defer s.wg.Done()
	defer recovered(s.logger, "heartbeat")
	tick := time.NewTicker(s.settings.TCP.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		for _, c := range s.conns {
			c.cursor.ping()
		}
		s.mu.Unlock()
	}
}
