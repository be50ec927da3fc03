package socket

import (
	"errors"
	"time"
)

// While a server is away, a Unix client sleeps until something happens to the
// socket file, and looks by itself only now and then, should the system have
// kept quiet about it. Without a watch it asks with growing delays.
const watchedRetry = 30 * time.Second

// A socket file appears a moment before its server listens: for so many
// attempts after a change of the file, the delays are short ones. While the
// file is there and nobody listens, they go on doubling: on a busy machine the
// moment may be a long one.
const (
	eagerAttempts = 6
	eagerDelay    = 2 * time.Millisecond
)

// reconnect returns a new link, or nil when the client is closed.
func (c *Client) reconnect() *link {
	watch := watchServer(c.transport, c.event, c.settings)
	defer watch.Close()
	return c.tryAgain(watch.C)
}

// tryAgain connects when there is a tick, or a delay is over. changed is nil
// where nothing is watched.
func (c *Client) tryAgain(changed <-chan struct{}) *link {
	delays := newBackoff(c.settings.reconnectDelays(c.transport))
	timer := time.NewTimer(0)
	defer timer.Stop()
	tries := eagerAttempts // since the last change
	for {
		select {
		case <-c.ctx.Done():
			return nil
		case <-changed:
			tries = 0
			delays.reset()
		case <-timer.C:
		}
		l, err := c.connect(c.ctx)
		if err == nil {
			return l
		}
		c.logger.Debug("not connected yet", "error", err)
		soon := eagerDelay << tries
		_, there := socketIdentity(c.transport, c.event, c.settings)
		watched := errors.Is(err, ErrNoServer) && changed != nil
		switch {
		case tries < eagerAttempts, watched && there && soon < watchedRetry:
			timer.Reset(soon)
			tries++
		case watched:
			timer.Reset(watchedRetry)
		default:
			timer.Reset(delays.next())
		}
	}
}
