package socket

import (
	"errors"
	"strings"
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

// lasting is how long a connection has to be there for the next one to be made
// at once when it is lost. After a shorter one there is a delay, as after an
// attempt in vain: a server may let its clients in and fail each time.
const lasting = time.Second

// delayAfter is how long to wait after a link before the first attempt to
// connect again. A server that was restarted gets a short delay each time.
func (c *Client) delayAfter(l *link) time.Duration {
	lasted := time.Since(l.began) >= max(lasting, c.delays.min)
	if lasted || l.restarted {
		c.delays.reset()
	}
	if lasted {
		return 0
	}
	return c.delays.next()
}

// awaitHost waits until the host has taken events, if there are many: each
// connection brings more of them.
func (c *Client) awaitHost() {
	if c.inbox.crowded() {
		c.noConnection(fail(ErrNotConnected, "more than %d events (buffer_size) wait to be taken by the program", c.settings.BufferSize))
		c.inbox.awaitRoom()
	}
}

// noConnection notes why there is none, for those who want to send. A cause
// that is another one than before is logged, unless it is the one that a client
// is there to wait for.
func (c *Client) noConnection(err error) {
	text := err.Error()
	c.mu.Lock()
	news := !sameCause(c.cause, text)
	c.cause = text
	c.mu.Unlock()
	if news && !errors.Is(err, ErrNoServer) {
		c.logger.Warn("not connected", "error", err)
	}
}

// sameCause compares two sentences without their numbers: a port or a time may
// be another one for each attempt.
func sameCause(a, b string) bool {
	words := func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}
	return strings.Map(words, a) == strings.Map(words, b)
}

// reconnect returns a new link, or nil when the client is closed. The first
// attempt is made after the delay.
func (c *Client) reconnect(delay time.Duration) *link {
	watch := watchServer(c.transport, c.event, c.settings)
	defer watch.Close()
	return c.tryAgain(delay, watch.C)
}

// tryAgain connects when there is a tick, or a delay is over. changed is nil
// where nothing is watched.
func (c *Client) tryAgain(delay time.Duration, changed <-chan struct{}) *link {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	tries := eagerAttempts // since the last change
	for {
		select {
		case <-c.ctx.Done():
			return nil
		case <-changed:
			tries = 0
			c.delays.reset()
		case <-timer.C:
		}
		l, err := c.connect(c.ctx)
		if err == nil {
			return l
		}
		if c.ctx.Err() != nil {
			return nil
		}
		c.logger.Debug("not connected yet", "error", err)
		c.noConnection(err)
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
			timer.Reset(c.delays.next())
		}
	}
}
