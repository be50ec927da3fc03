package socket

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

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

// A reader that is told nothing of what it missed is given what it alone was
// sent there, and goes on with what the log holds.
func TestOldReaderOvertakenWithAUnicastDue(t *testing.T) {
	const broadcast, unicast, kept = 100, 50, 4
	for _, tc := range []struct {
		name   string
		policy slowPolicy
		given  []int
	}{
		{"drop oldest", policyDropOldest, []int{unicast, kept * broadcast}},
		{"latest", policyLatest, []int{unicast, broadcast}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLog(logLimits{messages: kept, bytes: 1 << 20, policy: tc.policy})
			c := manualReader(l)
			appendFrames := func(n int) {
				for range n {
					require.NoError(t, l.append(draftOf(plainFrame(broadcast)), Data, ""))
				}
			}
			appendFrames(2)
			require.NoError(t, c.pushInOrder(plainFrame(unicast)))
			appendFrames(10)
			for _, size := range tc.given {
				b, state := c.next()
				require.Equal(t, nextBytes, state)
				require.Len(t, b, size)
			}
			_, state := c.next()
			require.Equal(t, nextIdle, state)
		})
	}
}

// A connection is told once that it is overtaken, while its writer has
// something to write. An idle or a held one needs no telling.
func TestOvertakenWriterIsToldOnce(t *testing.T) {
	l := newLog(logLimits{messages: 4, bytes: 1 << 20, policy: policyDisconnect})
	writing, idle, held := manualReader(l), manualReader(l), &cursor{start: func() {}}
	told := map[*cursor]int{}
	l.mu.Lock()
	l.join(held, l.head)
	for c := range l.cursors {
		c.tooSlow = func() { told[c]++ }
	}
	l.mu.Unlock()
	takeAll(idle)
	appendOne := func() {
		require.NoError(t, l.append(draftOf(plainFrame(100)), Data, ""))
		takeAll(idle)
	}
	appendOne()
	_, state := writing.next()
	require.Equal(t, nextBytes, state)
	for range l.limits.messages {
		appendOne()
	}
	require.Empty(t, told, "the log still holds what comes next")
	for range 10 {
		appendOne()
	}
	require.Equal(t, map[*cursor]int{writing: 1}, told)
	for _, c := range []*cursor{writing, held} {
		c.release()
		_, state := c.next()
		require.Equal(t, nextSlow, state)
		appendOne()
	}
	require.Equal(t, map[*cursor]int{writing: 1}, told, "who knows is not told")
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

// What is retained has a bound of bytes, whatever is long in it.
func TestRetainedKeysCountToo(t *testing.T) {
	l := newLog(logLimits{messages: 100, bytes: 64 << 10, keys: 100})
	frame := plainFrame(100)
	for n := range 10 {
		require.NoError(t, l.append(draftOf(frame), Data, strings.Repeat(strconv.Itoa(n), 20<<10)))
	}
	held := 0
	for key := range l.retained.byKey {
		held += len(key)
	}
	require.Equal(t, 3, l.retained.order.Len())
	require.LessOrEqual(t, held, 64<<10)
	require.NoError(t, l.append(draftOf(frame), Data, strings.Repeat("x", 64<<10)))
	require.Equal(t, 3, l.retained.order.Len(), "one that does not fit alone takes no place from others")
}

// A sender waits for what its own message needs, and not for what one did that
// has given up.
func TestBlockedSenderWaitsForItsOwnRoom(t *testing.T) {
	const size = chunkSize / 4
	l := newLog(logLimits{messages: 1000, bytes: 8 * chunkSize, policy: policyBlock, timeout: time.Nanosecond})
	c := manualReader(l)
	for range 32 {
		require.NoError(t, l.append(draftOf(plainFrame(size)), Data, ""))
	}
	require.ErrorIs(t, l.append(draftOf(plainFrame(8*chunkSize)), Data, ""), ErrTimeout)

	l.mu.Lock()
	require.False(t, l.roomFor(size))
	room := l.awaitCursors(l.tailFor(size))
	l.mu.Unlock()
	for range 4 {
		_, state := c.next()
		require.Equal(t, nextBytes, state)
	}
	l.mu.Lock()
	require.True(t, l.roomFor(size))
	l.mu.Unlock()
	select {
	case <-room:
	default:
		t.Error("there is room, and nobody is told")
	}
	require.NoError(t, l.append(draftOf(plainFrame(size)), Data, ""))
}
