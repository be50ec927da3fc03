package socket

import "time"

// A peer over the network can vanish without a word. Both ends of a TCP
// connection therefore say "ping" when they have nothing else to say, and take
// a peer for dead that was silent for three heartbeats. A side that does not
// read, because its host takes nothing, still pings.

var pingFrame = (&control{kind: controlPing}).appendFrame(nil)

// ping queues a ping unless the writer is busy anyway.
func (c *cursor) ping() {
	c.log.mu.Lock()
	quiet := c.isIdle && c.speaks
	c.log.mu.Unlock()
	if quiet {
		_ = c.pushFirst(pingFrame) // gone meanwhile: nobody to ping
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
