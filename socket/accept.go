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
		if s.inbox != nil && s.lobby.waiting() >= maxUnadmitted {
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
			s.pause(pause.next())
			continue
		}
		pause.reset()
		c = loosen(c, s.cfg.Pollset)
		accepted := s.log.position()
		v := s.lobby.enter(s.ctx, c)
		if v == nil {
			c.Close()
			return
		}
		s.wg.Add(1)
		go s.serve(v, accepted)
	}
}

// serve runs one connection from accept to its end. accepted is the log's
// position at the accept: a peer is not served before it has been silent for
// a moment, and must miss nothing that is sent meanwhile.
func (s *Server) serve(v *visitor, accepted uint64) {
	raw, stays := newRawConn(v.conn), false
	defer func() {
		if !stays {
			s.forget(raw)
		}
	}()
	defer recovered(s.logger, "connection")
	defer v.leave()
	if !s.track(raw) {
		return
	}
	c, err := s.admit(v, raw, accepted)
	switch {
	case err != nil:
		s.turnAway(c, v, err)
		return
	case c == nil:
		return
	}
	s.logger.Info("client connected", "client", c.info.ID, "address", c.info.Address)
	stays = true
	v.leave()                         // nobody hurries it any more
	_ = c.intake.frames.setDeadline() // that of the handshake goes; an error comes again
	go s.attend(c, raw)
}

// attend goes on with a client where serve has let it in. It is a goroutine of
// its own because the handshake has grown the stack of the one before, and so
// would a deadline: thousands of clients may have nothing to say.
func (s *Server) attend(c *conn, raw *rawConn) {
	defer s.forget(raw)
	defer recovered(s.logger, "connection")
	err := c.intake.run()
	reason, text := c.endReason(err)
	if reason == ReasonTooLarge {
		c.dismiss(reason, text)
	}
	c.close()
	s.logger.Info("client disconnected", "client", c.info.ID, "reason", reason, "text", text)
	s.unregister(c, reason, text)
}

// admit makes the peer a client, if it is to be one. Until then it has cost
// no more than a place in the lobby, and was told nothing of the event. The
// connection is there with an error too, as far as it got; nil without one
// says that it was answered, and is over.
func (s *Server) admit(v *visitor, raw *rawConn, accepted uint64) (*conn, error) {
	until := time.Now().Add(s.settings.DefaultTimeout)
	secured, err := secure(s.ctx, until, v.conn, s.logger)
	if err != nil {
		return s.insecure(v, raw, err)
	}
	if secured != v.conn {
		raw = newRawConn(secured)
	}
	p := peerOf(secured)
	c := newConn(s, raw, p)
	c.intake.equip()
	defer c.intake.rest()
	if c.readOnly, err = checkClient(p, s.settings); err != nil {
		c.cursor.speaks = true // not known yet; it costs an old one a line in its log
		return c, err
	}
	for patience := silence; ; patience = welcomeWait {
		hello, err := c.awaitHello(patience, until)
		if err != nil {
			return c, err
		}
		c.cursor.speaks = hello != nil
		if err := c.demandToken(hello, until); err != nil {
			return c, err
		}
		c.intake.frames.maxSize = s.settings.MaxMessageSize
		if hello != nil && hello.kind == controlInspect {
			c.answer(hello)
			return nil, nil
		}
		if s.inbox != nil {
			s.inbox.awaitRoom() // a host that takes no events gets no clients
		}
		err = s.register(c, hello, accepted)
		if hello != nil || patience != silence || !errors.Is(err, ErrMaxConnections) {
			return c, err
		}
		// There is no place for an old client, so there is time to hear
		// whether it is one, or late and to be told or answered.
		s.logger.Debug("a silent peer of a full server is given more time", "address", c.info.Address)
	}
}

// insecure is what is left of a connection after the handshake of TLS failed:
// a plain one, on which only who does not speak TLS can be told why. Others
// have had their alert.
func (s *Server) insecure(v *visitor, raw *rawConn, err error) (*conn, error) {
	c := newConn(s, raw, peerOf(v.conn))
	reason, _ := reasonOf(err)
	switch {
	case errors.As(err, new(*plainPeerError)):
		c.cursor.speaks = true
	case reason == ReasonNotAllowed:
		s.pause(refusalDelay)
	}
	return c, err
}

// pause slows down who was wrong; the end of the server does not wait for it.
func (s *Server) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// errShownOut: a connection made room for those behind it.
var errShownOut = fail(ErrTimeout, "the connection said too little in %v, while others waited to be accepted", lobbyPatience)

// turnAway is the end of a connection that does not become a client.
func (s *Server) turnAway(c *conn, v *visitor, err error) {
	defer c.intake.frames.close()
	reason, _ := reasonOf(err)
	switch {
	case v.wasShownOut():
		s.refuse("refused a connection", errShownOut)
	case reason == ReasonEOF, s.ctx.Err() != nil:
		s.logger.Debug("a peer connected and went away")
	default:
		c.refuse(err)
	}
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

// forget ends what accept and track began.
func (s *Server) forget(raw *rawConn) {
	raw.Close()
	s.mu.Lock()
	delete(s.raws, raw)
	s.mu.Unlock()
	s.wg.Done()
}
