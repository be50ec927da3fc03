package socket

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A connection that breaks in the middle of a write has taken the frames that
// are whole in what was written, and no other.
func TestBrokenWriteGivesBackWhatIsNotWhole(t *testing.T) {
	const size = 100
	for _, written := range []int{0, 1, size - 1, size, size + lengthSize, 3*size - 1, 3 * size} {
		l := newLog(logLimits{messages: 100, bytes: chunkSize, policy: policyBlock})
		c := manualReader(l)
		for range 3 {
			require.NoError(t, l.append(draftOf(plainFrame(size)), Data, ""))
		}
		b, state := c.next()
		require.Equal(t, nextBytes, state)
		require.Len(t, b, 3*size)
		require.EqualValues(t, 1, l.lowest(), "what is being written is not given up")
		c.unwritten(b, written)
		c.done()
		whole := uint64(written / size)
		seq := c.leave()
		require.Equal(t, 1+whole, seq)
		require.Equal(t, whole, l.delivered)
		require.Empty(t, l.cursors, "nobody waits for a reader whose writer has ended")

		next := &cursor{start: func() {}}
		l.mu.Lock()
		l.join(next, seq)
		l.mu.Unlock()
		next.release()
		require.Equal(t, (3-int(whole))*size, takeAll(next))
	}
}

// Unwanted frames go out of the middle of a log, and the others stay in order,
// wherever the chunks ended that they were in.
func TestDropOfFrames(t *testing.T) {
	const limit = 100
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := newLog(logLimits{messages: 1000, bytes: 4 * chunkSize, policy: policyBlock})
		var stay [][]byte
		from := l.position()
		for i := range 60 {
			frame := plainFrame(50 + random.IntN(2*limit))
			if random.IntN(10) == 0 {
				frame = plainFrame(chunkSize / 4)
			}
			if i == 20 {
				from, stay = l.position(), nil
			}
			frame[lengthSize], frame[len(frame)-1] = bodyHeader(extraNone), byte(i)
			if len(frame) <= limit {
				stay = append(stay, frame)
			}
			require.NoError(t, l.append(draftOf(frame), Data, ""))
		}
		l.mu.Lock()
		from = l.drop(from, func(frame []byte) bool { return len(frame) > limit })
		require.Equal(t, uint64(len(stay)), l.head-from)
		l.mu.Unlock()

		c := &cursor{start: func() {}}
		l.mu.Lock()
		l.join(c, from)
		l.mu.Unlock()
		c.release()
		var got []byte
		for {
			b, state := c.next()
			if state != nextBytes {
				break
			}
			got = append(got, b...)
		}
		require.Equal(t, bytes.Join(stay, nil), got)
		require.LessOrEqual(t, l.bytes, l.limits.bytes)
	}
}
