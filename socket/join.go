package socket

import "time"

// register makes the connection a client: from here on it is counted, sees
// every broadcast and can be sent to. hello is nil for an old client.
func (s *Server) register(c *conn, hello *control, accepted uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.settings.maxConnections(s.transport); len(s.conns) >= n {
		return fail(ErrMaxConnections, "server of event %q has %d clients (max_connections = %d)", s.event, len(s.conns), n)
	}
	now := time.Now().UnixMilli()
	s.lastID = max(s.lastID+1, ClientID(now))
	c.info.ID = s.lastID
	c.info.ConnectedAt = now
	s.join(c, hello, accepted)
	s.conns[c.info.ID] = c
	if s.audience != nil {
		close(s.audience)
		s.audience = nil
	}
	if s.inbox == nil {
		c.cursor.release()
		return nil
	}
	e := Event{
		Kind:        EventConnected,
		Client:      c.info.ID,
		TimestampMs: now,
		Address:     c.info.Address,
		Text:        c.info.Name,
		Peer:        &Peer{c.info.PID, c.info.UID, c.info.GID},
		Count:       uint64(len(s.conns)),
	}
	if s.cfg.HoldClients && s.ctx.Err() == nil {
		e.held = c
		c.cursor.greet() // its Dial does not wait for our host
	} else {
		c.cursor.release()
	}
	s.inbox.force(e)
	if len(s.conns) == 1 {
		s.inbox.force(Event{Kind: EventFirstClient, Client: c.info.ID})
	}
	return nil
}

// join places the client's cursor in the log, with what it gets first beside
// it: the welcome, what was retained, and the word that it is up to date.
func (s *Server) join(c *conn, hello *control, accepted uint64) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	from := max(min(accepted, s.queueStart()), s.taken)
	if n := uint64(s.settings.HistorySize); n > 0 {
		from = min(from, max(l.tail, l.head-min(n, l.head)))
	}
	retainedFrom := uint64(0)
	if s.resumes(hello) {
		from, retainedFrom = hello.seq, hello.seq
	}
	cur := c.cursor
	l.join(cur, from)
	if hello != nil {
		c.info.Name, cur.types = hello.name, hello.types
		cur.greeting = s.welcome(c)
	}
	cur.pass(l.tail)
	if l.limits.policy == policyLatest { // now, so that what is retained takes the place of what it skips
		cur.skipToNewest()
	}
	l.retained.between(retainedFrom, cur.seq, func(frame []byte) {
		if cur.types.has(frameType(frame)) {
			cur.putShared(frame, cur.seq)
		}
	})
	if hello != nil {
		cur.putBeside(s.synced(), l.head)
	}
}

// joinLate turns an old client into a new one. Its hello came after it had
// been taken for silent, which a busy machine can bring about: from here on
// it is numbered, filtered and told. What it was given before is not counted.
// One that has asked how the server is has said that it is none.
func (s *Server) joinLate(c *conn, hello *control) {
	s.mu.Lock()
	if c.inspects {
		s.mu.Unlock()
		return
	}
	c.info.Name = hello.name
	s.mu.Unlock()
	l, cur := s.log, c.cursor
	l.mu.Lock()
	switch joined := cur.seq - cur.delivered - cur.missed; {
	case !s.resumes(hello):
	case hello.seq >= joined: // it has what is before, of the history
		if cur.seq < hello.seq {
			cur.moveTo(hello.seq)
		}
	case cur.seq == joined:
		cur.moveTo(hello.seq)
	default: // too late to give what was sent before it joined
		lagged := control{kind: controlLagged, missed: joined - hello.seq, from: hello.seq, to: joined - 1}
		cur.greeting = lagged.appendFrame(cur.greeting)
		cur.missed += lagged.missed
		l.dropped += lagged.missed
	}
	cur.speaks, cur.types, cur.told = true, hello.types, cur.seq
	cur.greeting = append(cur.greeting, s.welcome(c)...)
	cur.pass(l.tail)
	cur.putBeside(s.synced(), l.head)
	start := cur.wake()
	l.mu.Unlock()
	if start {
		cur.start()
	}
}

// resumes reports whether the client was here before, in this life of the
// server, and can go on where it was. Called with log.mu.
func (s *Server) resumes(hello *control) bool {
	return hello != nil && hello.hasResume && hello.epoch == s.epoch && hello.seq <= s.log.head
}

// welcome answers a hello. Called with log.mu.
func (s *Server) welcome(c *conn) []byte {
	welcome := control{
		kind: controlWelcome, version: wireVersion, epoch: s.epoch, seq: c.cursor.seq, pid: ownPID,
		maxMessageSize: uint64(s.settings.MaxMessageSize), heartbeatMs: uint64(c.heartbeat.Milliseconds()),
	}
	return welcome.appendFrame(nil)
}

// synced tells a client that what follows is live. Called with log.mu.
func (s *Server) synced() []byte {
	synced := control{kind: controlSynced, seq: s.log.head}
	return synced.appendFrame(nil)
}

// present is how many clients there are. Called with s.mu.
func (s *Server) present() int { return len(s.conns) - s.askers }

// unregister ends the client: its connection is over.
func (s *Server) unregister(c *conn, reason Reason, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.info.ID)
	if c.inspects {
		s.askers--
	} else {
		s.queueFrom = s.log.position()
	}
	if s.inbox == nil {
		return
	}
	s.inbox.force(Event{
		Kind: EventDisconnected, Client: c.info.ID, Reason: reason, Text: text, Count: uint64(len(s.conns)),
	})
	if len(s.conns) == 0 {
		s.inbox.force(Event{Kind: EventLastClient, Client: c.info.ID})
	}
}
