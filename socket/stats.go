package socket

// ServerStats are counters of a server.
type ServerStats struct {
	Sent        uint64 // broadcasts since it was opened
	Delivered   uint64 // broadcasts handed to connections, one for each client
	Dropped     uint64 // broadcasts that clients missed, one for each client
	Received    uint64 // messages taken from clients
	Refused     uint64 // connections and messages of clients that were refused
	Clients     int    // connected now
	Queued      int    // messages that wait for the first client
	LogMessages int    // messages the log holds
	LogBytes    int    // memory the log holds
	Retained    int    // keys with a retained message
	Epoch       uint64 // tells this server from one before or after it
	Seq         uint64 // the number of the next broadcast
}

// Stats returns the counters at this moment.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return ServerStats{
		Sent:        l.head - 1,
		Delivered:   l.delivered,
		Dropped:     l.dropped,
		Received:    s.received.Load(),
		Refused:     s.refused.Load(),
		Clients:     len(s.conns),
		Queued:      int(l.head - s.queueStart()),
		LogMessages: int(l.head - l.tail),
		LogBytes:    l.bytes,
		Retained:    l.retained.order.Len(),
		Epoch:       s.epoch,
		Seq:         l.head,
	}
}
