package socket

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// plainFrame is a frame of that many bytes in all; only its length is true.
func plainFrame(size int) []byte {
	frame := make([]byte, size)
	binary.BigEndian.PutUint32(frame, uint32(size-lengthSize))
	return frame
}

// manualReader is a cursor whose writer is the test.
func manualReader(l *log) *cursor {
	c := &cursor{start: func() {}}
	l.mu.Lock()
	l.join(c, l.head)
	l.mu.Unlock()
	c.release()
	return c
}

// takeAll takes all that the cursor gives.
func takeAll(c *cursor) (bytes int) {
	for {
		b, state := c.next()
		if state != nextBytes {
			return bytes
		}
		bytes += len(b)
	}
}

// A large message needs the room of many small ones. It waits for a reader
// that has taken some of them, and goes on when the rest is taken.
func TestBlockedLargeMessageGoesOnWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := newLog(logLimits{messages: 1 << 20, bytes: 8 * chunkSize, policy: policyBlock, timeout: time.Hour})
		c := manualReader(l)
		for range 8 * 64 { // fills it
			require.NoError(t, l.append(draftOf(plainFrame(chunkSize/64)), Data, ""))
		}
		for range 4 { // half of it is taken: more than the quarter that senders wait for
			_, state := c.next()
			require.Equal(t, nextBytes, state)
		}
		sent := make(chan error, 1)
		go func() { sent <- l.append(draftOf(plainFrame(6*chunkSize)), Data, "") }()
		synctest.Wait()
		require.Empty(t, sent, "there is no room yet")
		takeAll(c)
		require.NoError(t, <-sent)
		require.Zero(t, time.Since(start), "it did not wait any longer")
	})
}
