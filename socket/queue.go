package socket

// While nobody is connected, what is sent waits for the first client. It waits
// in the log: the queue is only the place where that client's cursor starts.

// QueueLen returns how many messages wait for the first client.
func (s *Server) QueueLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return int(s.log.head - s.queueStart())
}

// queueStart is the first message that waits for a client, the head if there
// is none. Called with both locks.
func (s *Server) queueStart() uint64 {
	if s.present() > 0 {
		return s.log.head
	}
	from := max(s.queueFrom, s.log.tail)
	if n := uint64(s.settings.MessageQueueSize); s.log.head-from > n {
		from = s.log.head - n
	}
	return from
}

// emptyQueue makes what waits for the first client nobody's, also where a peer
// that is still shaking hands was there when it was sent. Called with both locks.
func (s *Server) emptyQueue() {
	if s.present() == 0 {
		s.queueFrom, s.taken = s.log.head, s.log.head
	}
}

// ClearQueue drops the messages that wait for the first client.
func (s *Server) ClearQueue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.emptyQueue()
}

// TakeQueue takes the messages that wait for the first client out of the
// queue, for example to send them again from another server. Nothing is added
// behind it after EndSending.
func (s *Server) TakeQueue() []Message {
	var messages []Message
	_ = s.TakeQueueWith(func(taken []Message) error {
		messages = taken
		return nil
	})
	return messages
}

// TakeQueueWith is TakeQueue for who may fail: the messages stay in the queue
// when take returns an error, which is returned. take must not call the server.
func (s *Server) TakeQueueWith(take func([]Message) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var messages []Message
	s.log.each(s.queueStart(), func(_ uint64, frame []byte) {
		var env envelope
		if err := parseEnvelope(frame[lengthSize:], &env); err == nil {
			e := Event{
				Type:         env.messageType,
				TimestampMs:  env.timestampMs,
				TimestampISO: env.timestampISO,
				EventName:    env.eventName,
				Data:         env.data,
			}
			messages = append(messages, e.Message())
		}
	})
	err := take(messages)
	if err == nil {
		s.emptyQueue()
	}
	return err
}
