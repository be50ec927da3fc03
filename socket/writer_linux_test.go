package socket

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPausedSenderWritesHere: who sends after a rest writes by itself, and who
// sends without one, or to several, leaves it to the writers.
func TestPausedSenderWritesHere(t *testing.T) {
	const rested, busy = -1 << 40, 1 << 40
	for _, tc := range []struct {
		name   string
		idleAt []int64 // relative to now, in microseconds, of each cursor
		here   int
	}{
		{"rested", []int64{rested}, 1},
		{"not rested", []int64{busy}, 0},
		{"several", []int64{rested, rested}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLog(logLimits{messages: 100, bytes: chunkSize})
			here, started := 0, 0
			for _, idleAt := range tc.idleAt {
				c := manualReader(l)
				c.start = func() { started++ }
				c.here = func() { here++ }
				takeAll(c)
				c.idleAt = microTime() + idleAt
			}
			require.NoError(t, l.append(draftOf(plainFrame(100)), Data, ""))
			require.Equal(t, tc.here, here)
			require.Equal(t, len(tc.idleAt)-tc.here, started)
		})
	}
}

// TestWriteHereKeepsOrder: a write that the connection does not take whole is
// finished by the writer, and nothing overtakes it.
func TestWriteHereKeepsOrder(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		if p.a.now == nil {
			return // nothing is ever written here
		}
		l := newLog(logLimits{messages: 1000, bytes: 8 << 20, policy: policyBlock, timeout: patience})
		c := &cursor{}
		w := writer{raw: p.a, logger: slog.New(slog.DiscardHandler), ended: func(nextState, error) {}}
		w.attach(c)
		l.mu.Lock()
		l.join(c, 1)
		l.mu.Unlock()
		c.release()

		var sent bytes.Buffer
		const frames = 300
		for i := range frames {
			frame := plainFrame(100 + rand.IntN(200_000)) // more than the system buffers
			frame[lengthSize] = fiveKeys
			binary.BigEndian.PutUint32(frame[lengthSize+1:], uint32(i))
			sent.Write(frame)
		}
		want := sent.Bytes()
		read := make(chan []byte)
		go func() { // ends when all is read, or a is closed
			got := make([]byte, len(want))
			n, _ := io.ReadFull(p.b, got)
			read <- got[:n]
		}()
		for rest := want; len(rest) > 0; {
			n := frameSize(rest)
			l.mu.Lock()
			c.idleAt = 0 // rested, whenever it is idle
			l.mu.Unlock()
			require.NoError(t, l.append(draftOf(rest[:n]), Data, ""))
			rest = rest[n:]
		}
		select {
		case got := <-read:
			require.True(t, bytes.Equal(want, got), "other bytes arrive than were sent")
		case <-time.After(patience):
			t.Fatal("not all arrives")
		}
		l.close()
		<-c.ended()
	})
}

// A bug in a writer ends its connection: a peer of which nobody takes care any
// more would wait for ever.
func TestPanicInAWriterClosesTheConnection(t *testing.T) {
	eachRawConn(t, func(t *testing.T, p rawPair) {
		require.NoError(t, p.b.SetReadDeadline(time.Now().Add(patience)))
		l := newLog(logLimits{messages: 100, bytes: chunkSize})
		w := writer{raw: p.a, logger: slog.New(slog.DiscardHandler), ended: func(nextState, error) { panic("a bug") }}
		c := &cursor{}
		w.attach(c)
		l.mu.Lock()
		l.join(c, 1)
		l.mu.Unlock()
		c.release()
		l.close()
		<-c.ended()
		_, err := p.b.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is not closed")
	})
}
