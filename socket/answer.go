package socket

import (
	"os"
	"time"
)

// A server answers whoever may be its client and asks how it is. The asker is
// no client: it takes no place, gets no message, and the host is not told.

// maxInspections is how many a server answers at once; each may hold an
// answer of maxInfo bytes.
const maxInspections = 16

// answer answers an inspection, which is the end of the connection.
func (c *conn) answer(asked *control) {
	s := c.server
	defer s.inspections.Add(-1)
	if s.inspections.Add(1) > maxInspections {
		c.refuse(fail(ErrMaxConnections, "server of event %q answers %d inspections already", s.event, maxInspections))
		return
	}
	s.logger.Debug("inspected", "by", asked.name, "pid", asked.pid)
	c.lastWords(s.infoFrame(), s.settings.DefaultTimeout)
	c.awaitEnd()
}

// answerLate answers a peer that was taken for an old client, because its
// question did not come at once. It goes when it has the answer. What it was
// given, and no client was, waits again.
func (c *conn) answerLate() {
	s := c.server
	s.mu.Lock()
	again := c.inspects
	if !again {
		c.inspects = true
		s.askers++
	}
	s.mu.Unlock()
	if !again {
		_ = c.cursor.pushFirst(s.infoFrame()) // gone, or slow: it will ask again
	}
}

// infoFrame is the answer to an inspection, all of it from one moment.
func (s *Server) infoFrame() []byte {
	info := s.info()
	frame := control{kind: controlInfo, version: wireVersion, info: &info}
	return frame.appendFrame(nil)
}

func (s *Server) info() ServerInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return ServerInfo{
		State:     StateLive,
		Event:     s.event,
		Transport: s.transport,
		Address:   s.Address(),
		PID:       ownPID,
		UID:       os.Geteuid(),
		Library:   Version,
		Uptime:    time.Since(s.started).Truncate(time.Millisecond),
		Stats:     s.stats(),
		Clients:   s.clients(),
	}
}
