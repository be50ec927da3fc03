package socket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStreamIsGathered: a writer waits for more after a row of small writes to
// one reader that says nothing, and for nobody else.
func TestStreamIsGathered(t *testing.T) {
	roomy := logLimits{messages: roomyMessages, bytes: roomyBytes, gather: true}
	for _, tc := range []struct {
		name    string
		limits  logLimits
		readers int
		size    int
		change  func(*cursor)
		gathers bool
	}{
		{"a stream", roomy, 1, 200, nil, true},
		{"large writes", roomy, 1, smallWrite, nil, false},
		{"two readers", roomy, 2, 200, nil, false},
		{"a reader that answers", roomy, 1, 200, func(c *cursor) { c.heard.Store(true) }, false},
		{"waiting cannot be told from writing", roomy, 1, 200, func(c *cursor) { c.here = nil }, false},
		{"nobody asked to wait", logLimits{messages: roomyMessages, bytes: roomyBytes}, 1, 200, nil, true},
		{"few messages", logLimits{messages: roomyMessages - 1, bytes: roomyBytes, gather: true}, 1, 200, nil, false},
		{"few bytes", logLimits{messages: roomyMessages, bytes: roomyBytes - 1, gather: true}, 1, 200, nil, false},
		{"latest", logLimits{messages: roomyMessages, bytes: roomyBytes, policy: policyLatest, gather: true}, 1, 200, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLog(tc.limits)
			var c *cursor
			for range tc.readers {
				c = manualReader(l)
				c.here = func() {}
			}
			if tc.change != nil {
				tc.change(c)
			}
			var s stream
			for i := range streamWrites + 1 {
				takeAll(c)
				require.Equal(t, tc.gathers && i == streamWrites, s.gathers(c, tc.size))
			}
			s.paused()
			require.False(t, s.gathers(c, tc.size), "after a pause")
		})
	}
}

// TestAPauseEndsAStream: of a writer that does not wait, for which one that
// waits has another measure.
func TestAPauseEndsAStream(t *testing.T) {
	for _, waits := range []bool{false, true} {
		l := newLog(logLimits{messages: roomyMessages, bytes: roomyBytes, gather: waits})
		c := manualReader(l)
		c.here = func() {}
		var s stream
		for range streamWrites {
			takeAll(c)
			require.False(t, s.gathers(c, 200))
		}
		require.True(t, s.gathers(c, 200))
		s.resumed(c)
		require.Equal(t, waits, s.gathers(c, 200))
	}
}

// TestAnswersAreWrittenHere: a sender writes by itself in a conversation without
// a pause, and in a stream after a long one.
func TestAnswersAreWrittenHere(t *testing.T) {
	l := newLog(logLimits{messages: 100, bytes: chunkSize, gather: true})
	c := manualReader(l)
	here := 0
	c.here = func() { here++ }
	send := func(pause int64) {
		takeAll(c)
		c.idleAt = microTime() - pause
		require.NoError(t, l.append(draftOf(plainFrame(100)), Data, ""))
	}
	c.heard.Store(true)
	send(-patience.Microseconds())
	require.Equal(t, 1, here)
	require.False(t, c.heard.Load(), "it counts once")
	send(-patience.Microseconds())
	require.Equal(t, 1, here)
	send(streamGap)
	require.Equal(t, 2, here)
}

// TestBothEndsAreHeard: what comes from a peer is known to whoever writes to
// it, at a server and at a client.
func TestBothEndsAreHeard(t *testing.T) {
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve()
		c := b.dial()
		require.NoError(t, s.WaitClients(b.ctx, 1))
		s.mu.Lock()
		var at *cursor
		for _, conn := range s.conns {
			at = conn.cursor
		}
		s.mu.Unlock()
		c.mu.Lock()
		of := c.link.cursor
		c.mu.Unlock()
		heard := func(h *cursor) func() bool { return h.heard.Load }
		at.heard.Store(false)
		require.NoError(t, c.Send(Message{}))
		require.Eventually(t, heard(at), patience, time.Millisecond)
		of.heard.Store(false)
		require.NoError(t, s.Send(Message{}))
		require.Eventually(t, heard(of), patience, time.Millisecond)
	})
}
