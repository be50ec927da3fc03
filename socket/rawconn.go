package socket

import (
	"errors"
	"io"
	"net"
	"time"
)

// A rawConn is a connection whose Read and Write go straight to the system
// where that is possible: one kernel call each, without the bookkeeping that
// wakes the runtime's monitor thread and costs tens of microseconds of
// latency. Elsewhere, and for TLS, it is the plain connection; but what carries
// the TLS is one of these again.
//
// One goroutine may read and another write; everything else may be called
// from anywhere. Close and deadlines end a waiting Read or Write.
type rawConn struct {
	conn net.Conn
	io   io.ReadWriter
	now  nowIO // nil where the connection cannot do it
}

// A nowIO tells waiting from reading and writing.
type nowIO interface {
	// AwaitRead waits until a Read would not.
	AwaitRead() error
	// ReadNow reads what is there: 0 without an error is nothing.
	ReadNow(p []byte) (int, error)
	// ReadSoon reads what comes within the time that spin was given, once
	// after each time that something was read. Otherwise, and when nothing
	// comes, it returns 0 without an error.
	ReadSoon(p []byte) (int, error)
	spin(most time.Duration, notified bool)
	// WriteNow writes what the system takes at once and returns how much that
	// was. An error is left for the following Write to meet.
	WriteNow(p []byte) int
}

func newRawConn(c net.Conn) *rawConn {
	r := &rawConn{conn: c, io: c}
	if direct := directIO(c); direct != nil {
		r.io = direct
		r.now, _ = direct.(nowIO)
	}
	return r
}

// Read reads what is there, at least one byte; io.EOF at the end.
func (c *rawConn) Read(p []byte) (int, error) { return c.io.Read(p) }

// spinning has who reads the connection look for so long before it waits, and
// returns how: nil for no time, where it cannot be done, and over TLS, whose
// Read does it by itself. It is for before anybody reads. notified says who
// takes the events: see Config.Notify.
func (c *rawConn) spinning(most time.Duration, notified bool) func([]byte) (int, error) {
	if secured, ok := c.conn.(*tlsConn); ok {
		secured.wire.soon = secured.wire.raw.spinning(most, notified)
	}
	if c.now == nil || most <= 0 {
		return nil
	}
	c.now.spin(most, notified)
	return c.now.ReadSoon
}

// Write writes all of p, waiting for the peer as often as needed.
func (c *rawConn) Write(p []byte) (int, error) { return c.io.Write(p) }

// CloseWrite tells the peer that nothing more will come, and still reads. A
// connection without half-close gives errors.ErrUnsupported.
func (c *rawConn) CloseWrite() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and ends a waiting Read or Write.
func (c *rawConn) Close() error { return c.conn.Close() }

// SetReadDeadline sets when a Read that waits gives up, see net.Conn.
func (c *rawConn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SetWriteDeadline sets when a Write that waits gives up, see net.Conn. Over
// TLS nothing can be written after that.
func (c *rawConn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }
