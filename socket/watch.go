package socket

// A serverWatch tells when it is worth looking at the socket file of an event
// again: C gets a tick whenever the file may have come, gone or been replaced.
// C is nil where nothing can be watched: then look from time to time.
type serverWatch struct {
	C    <-chan struct{}
	stop func()
}

// Close ends the watch. C gets nothing more; it is not closed.
func (w *serverWatch) Close() {
	if w.stop != nil {
		w.stop()
	}
}

// watchServer watches for the server of an event. There is nothing to watch
// for TCP.
func watchServer(t Transport, event string, s *Settings) *serverWatch {
	if t != Unix {
		return &serverWatch{}
	}
	return watchSocket(s.SocketDir, socketName(event))
}
