package socket

import (
	"cmp"
	"slices"
)

// ServerStats are counters of a server.
type ServerStats struct {
	Sent             uint64 // broadcasts since it was opened
	Delivered        uint64 // broadcasts handed to connections, one for each client
	Dropped          uint64 // broadcasts that clients missed, one for each client
	Received         uint64 // messages taken from clients
	Refused          uint64 // connections and messages of clients that were refused
	Clients          int    // connected now
	MaxConnections   int    // clients there may be
	Queued           int    // messages that wait for the first client
	LogMessages      int    // messages the log holds
	LogMessagesLimit int    // messages it may hold
	LogBytes         int    // memory the log holds
	LogBytesLimit    int    // memory it may hold
	Retained         int    // keys with a retained message
	Epoch            uint64 // tells this server from one before or after it
	Seq              uint64 // the number of the next broadcast
}

func (s *ServerStats) fields() []docField {
	return []docField{
		{"sent", &s.Sent},
		{"delivered", &s.Delivered},
		{"dropped", &s.Dropped},
		{"received", &s.Received},
		{"refused", &s.Refused},
		{"clients", &s.Clients},
		{"max_connections", &s.MaxConnections},
		{"queued", &s.Queued},
		{"log_messages", &s.LogMessages},
		{"log_messages_limit", &s.LogMessagesLimit},
		{"log_bytes", &s.LogBytes},
		{"log_bytes_limit", &s.LogBytesLimit},
		{"retained", &s.Retained},
		{"epoch", &s.Epoch},
		{"seq", &s.Seq},
	}
}

// Map returns the counters by the names they have in every other language.
func (s ServerStats) Map() map[string]any { return docMap(s.fields()) }

// Stats returns the counters at this moment.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.stats()
}

// Clients returns the connected clients in the order they joined.
func (s *Server) Clients() []ClientInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.clients()
}

// stats is called with both locks.
func (s *Server) stats() ServerStats {
	l := s.log
	dropped := l.dropped
	for c := range l.cursors {
		dropped += c.overtaken()
	}
	return ServerStats{
		Sent:             l.head - 1,
		Delivered:        l.delivered,
		Dropped:          dropped,
		Received:         s.received.Load(),
		Refused:          s.refused.Load(),
		Clients:          s.present(),
		MaxConnections:   s.settings.maxConnections(s.transport),
		Queued:           int(l.head - s.queueStart()),
		LogMessages:      int(l.head - l.tail),
		LogMessagesLimit: int(l.limits.messages),
		LogBytes:         l.bytes,
		LogBytesLimit:    l.limits.bytes,
		Retained:         l.retained.order.Len(),
		Epoch:            s.epoch,
		Seq:              l.head,
	}
}

// clients is called with both locks.
func (s *Server) clients() []ClientInfo {
	infos := make([]ClientInfo, 0, len(s.conns))
	for _, c := range s.conns {
		if c.inspects {
			continue
		}
		info := c.info
		info.Delivered, info.Missed, info.Backlog = c.cursor.account()
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b ClientInfo) int { return cmp.Compare(a.ID, b.ID) })
	return infos
}

// account says how many of the broadcasts since it joined a reader was given,
// has lost, and has before it. Called with log.mu.
func (c *cursor) account() (delivered, missed, backlog uint64) {
	return c.delivered, c.missed + c.overtaken(), c.log.head - max(c.seq, c.log.tail)
}

// overtaken is how many frames are lost to a reader that has not come to
// notice: its writer is busy. Called with log.mu.
func (c *cursor) overtaken() uint64 {
	if c.left || c.seq >= c.log.tail || c.log.limits.policy == policyDisconnect {
		return 0
	}
	return c.log.tail - c.seq
}
