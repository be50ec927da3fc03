package socket

import (
	"errors"
	"net"
	"time"
)

// silence is how long a new peer may say nothing before it is taken for an
// old one, which never says hello and waits for its first message.
const silence = 20 * time.Millisecond

// acceptPause bounds the pauses of the accept loop after an error such as
// EMFILE.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// maxUnadmitted bounds the connections that wait for a host to take its
// events. Beyond it they wait in the system's queue, and are not heard.
const maxUnadmitted = 64

// accept takes connections until the listener is closed. When the system has
// no descriptor to give, it pauses and goes on.
func (s *Server) accept() {
	defer s.wg.Done()
	defer recovered(s.logger, "accept")
	pause := newBackoff(acceptPauseMin, acceptPauseMax)
	for {
		if s.inbox != nil && s.unadmitted.Load() >= maxUnadmitted {
			s.inbox.awaitRoom()
		}
		c, err := s.listener.Accept()
		switch {
		case s.ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.logger.Error("accept failed; trying again", "error", err)
			t := time.NewTimer(pause.next())
			select {
			case <-t.C:
			case <-s.ctx.Done():
				t.Stop()
			}
			continue
		}
		pause.reset()
		s.unadmitted.Add(1)
		s.wg.Add(1)
		go s.serve(c, s.log.position())
	}
}

// serve runs one connection from accept to its end. accepted is the log's
// position at the accept: a peer is not served before it has been silent for
// a moment, and must miss nothing that is sent meanwhile.
func (s *Server) serve(netConn net.Conn, accepted uint64) {
	defer s.wg.Done()
	defer recovered(s.logger, "connection")
	raw := newRawConn(netConn)
	defer raw.Close()
	if !s.track(raw) {
		return
	}
	defer s.untrack(raw)
	p := peerOf(netConn)
	c := newConn(s, raw, p)
	if !s.admit(c, p, accepted) {
		return
	}
	s.logger.Info("client connected", "client", c.info.ID, "address", c.info.Address)
	err := c.intake.run()
	reason, text := c.endReason(err)
	c.close()
	s.logger.Info("client disconnected", "client", c.info.ID, "reason", reason, "text", text)
	s.unregister(c, reason, text)
}

// admit makes the peer a client, if it is to be one. Else it is done with:
// sent away, or answered.
func (s *Server) admit(c *conn, p peer, accepted uint64) bool {
	defer s.unadmitted.Add(-1)
	readOnly, err := checkClient(p, s.settings)
	if err != nil {
		c.cursor.speaks = true // not known yet; it costs an old one a line in its log
		c.refuse(err)
		return false
	}
	c.readOnly = readOnly
	hello, err := c.awaitHello()
	if err != nil {
		if reason, _ := reasonOf(err); reason == ReasonEOF {
			s.logger.Debug("a peer connected and went away")
		} else {
			s.refuse("refused a connection", err)
		}
		return false
	}
	c.cursor.speaks = hello != nil
	if hello != nil && hello.kind == controlInspect {
		c.answer(hello)
		return false
	}
	if s.inbox != nil {
		s.inbox.awaitRoom() // a host that takes no events gets no clients
	}
	if err := s.register(c, hello, accepted); err != nil {
		c.refuse(err)
		return false
	}
	return true
}

// refuse counts and logs a connection or message that is not let in.
func (s *Server) refuse(what string, err error) {
	s.refused.Add(1)
	s.logger.Warn(what, "error", err)
}

// track remembers a connection for Close. It returns false when the server is
// closing and has forgotten those it knew.
func (s *Server) track(raw *rawConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	s.raws[raw] = struct{}{}
	return true
}

func (s *Server) untrack(raw *rawConn) {
	s.mu.Lock()
	delete(s.raws, raw)
	s.mu.Unlock()
}
