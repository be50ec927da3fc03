package socket

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func smallInbox(notify func(bool)) *inbox {
	return newInbox(&Settings{BufferSize: 1000, BufferBytes: 1 << 20}, notify)
}

// numbered fills a block with messages that bear the numbers from first on.
func numbered(first uint64, n int) *block {
	b := newBlock(blockEvents)
	for i := range n {
		b.push(Event{Kind: EventMessage, Seq: first + uint64(i), weight: 10})
	}
	return b
}

// Whatever comes in and is taken in whichever pieces, it comes out in order and
// once, and the inbox knows how much waits.
func TestInboxKeepsOrder(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 0))
		readable := false
		q := smallInbox(func(r bool) { readable = r })
		var batch Batch
		waiting := []Event{} // as the inbox should have them
		next, messages := uint64(1), 0
		for range 500 {
			switch random.IntN(6) {
			case 0, 1:
				if n := 1 + random.IntN(blockEvents); messages+n <= q.maxMessages {
					b := numbered(next, n)
					waiting = append(waiting, b.events...)
					require.True(t, q.add(b))
					next, messages = next+uint64(n), messages+n
				}
			case 2:
				e := Event{Kind: EventSynced, Seq: next}
				waiting, next = append(waiting, e), next+1
				q.force(e)
			case 3:
				if random.IntN(20) > 0 {
					break
				}
				q.dropMessages()
				kept := []Event{}
				for _, e := range waiting {
					if e.Kind != EventMessage {
						kept = append(kept, e)
					}
				}
				waiting, messages = kept, 0
			default:
				limit := 1 + random.IntN(2*blockEvents)
				err := q.tryFill(&batch, limit)
				if len(waiting) == 0 {
					require.ErrorIs(t, err, ErrTimeout)
					break
				}
				require.NoError(t, err)
				got := batch.Events
				require.LessOrEqual(t, len(got), limit)
				require.Equal(t, waiting[:len(got)], got)
				if looked := random.IntN(len(got)) + 1; random.IntN(4) == 0 {
					got = got[:looked]
					q.putBack(batch.block, looked)
					batch.block, batch.Events = nil, nil
				}
				for i := range got {
					if waiting[i].Kind == EventMessage {
						messages--
					}
				}
				waiting = waiting[len(got):]
			}
			require.Equal(t, len(waiting) > 0, readable)
			require.Equal(t, messages, q.waiting())
			require.Equal(t, len(waiting), q.events)
			require.Equal(t, 10*messages, q.bytes)
		}
	}
}

// What is told last is true, however many tell and take at once, and a waiting
// receiver is never left asleep.
func TestInboxTellsTheTruthInTheEnd(t *testing.T) {
	const writers, takers, each = 3, 3, 3000
	var told atomic.Int64 // what an eventfd would count
	q := smallInbox(func(readable bool) {
		if readable {
			told.Add(1)
		} else {
			told.Store(0)
		}
	})
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for i := range each {
				if i%3 == 0 {
					q.force(Event{Kind: EventSynced})
				} else {
					q.add(numbered(0, 1))
				}
				if i%7 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	var taken atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range takers {
		all.Go(func() {
			var batch Batch
			for q.fill(ctx, &batch, 1+i) == nil {
				if taken.Add(int64(len(batch.Events))) == writers*each {
					cancel()
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, writers*each, taken.Load())
	require.Zero(t, told.Load())
	q.force(Event{Kind: EventSynced})
	require.EqualValues(t, 1, told.Load())
}

// held is the memory of the buffers that messages in the inbox borrow from.
func held(q *inbox) (bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	seen := map[*buffer]bool{}
	for b := q.first; b != nil; b = b.next {
		for _, e := range b.events[b.at:] {
			if e.buf != nil && !seen[e.buf] {
				seen[e.buf] = true
				bytes += len(e.buf.data)
			}
		}
	}
	return bytes
}

// counted is what the inbox takes for that memory.
func counted(q *inbox) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// awaitWaiting waits until so many messages wait. Nobody takes any meanwhile.
func awaitWaiting(b *bed, q *inbox, n int) {
	b.t.Helper()
	for q.waiting() < n {
		select {
		case <-q.ready:
		case <-b.ctx.Done():
			require.Equal(b.t, n, q.waiting())
		}
	}
}

// An inbox with its usual bounds takes as many small messages as it says,
// whether they come one by one or all at once, and counts the memory that they
// really take.
func TestInboxOfSmallMessages(t *testing.T) {
	for _, row := range []struct {
		name string
		size int
		once bool
	}{
		{"small", 10, false},
		{"small at once", 10, true},
		{"most of a small buffer", 300, false},
		{"most of a small buffer, at once", 300, true},
		{"more than a small buffer", 700, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBed(t, Unix)
			s := b.serve()
			c := b.dial()
			nextEvent(b, c, EventSynced)
			m, err := NewMessage(Data, make([]byte, row.size))
			require.NoError(t, err)
			for n := 1; n <= b.settings.BufferSize; n++ {
				require.NoError(t, s.Send(m))
				if !row.once {
					awaitWaiting(b, c.inbox, n)
				}
			}
			awaitWaiting(b, c.inbox, b.settings.BufferSize)
			require.Equal(t, held(c.inbox), counted(c.inbox))
			require.LessOrEqual(t, counted(c.inbox), b.settings.BufferBytes)
			for range b.settings.BufferSize {
				got, err := c.Receive(b.ctx)
				require.NoError(t, err)
				require.Equal(t, m.Data, got.Data)
				require.Equal(t, "test", got.EventName)
				require.NotEmpty(t, got.TimestampISO)
			}
			require.Zero(t, counted(c.inbox))
			require.Nil(t, c.inbox.packed)
		})
	}
}

// A small message that came with a large frame which is ignored does not keep
// the memory of that frame.
func TestInboxBesideLargeIgnoredFrames(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	p := b.dialOld(s)
	p.send(number(t, 0))
	const size = 1 << 20
	ping, err := Marshal(map[string]any{"libsocket": "ping", "ignored": make([]byte, size)})
	require.NoError(t, err)
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(ping))), ping...)
	const rounds = 40
	for n := 1; n <= rounds; n++ {
		m := number(t, n)
		both, err := newEncoder("test", time.UTC, size).appendFrame(frame, &m, extraNone)
		require.NoError(t, err)
		p.write(both)
	}
	awaitWaiting(b, s.inbox, 1+rounds)
	require.Equal(t, held(s.inbox), counted(s.inbox))
	require.LessOrEqual(t, held(s.inbox), 4*bufferSize)
	for n := range 1 + rounds {
		require.Equal(t, n, numberOf(t, nextEvent(b, s, EventMessage).Message()))
	}
}

// The first event that holds a buffer weighs as much as the buffer: also what
// is not packed is counted.
func TestEventsWeighTheirBuffer(t *testing.T) {
	shared := newBuffer(largeBuffer)
	q := smallInbox(nil)
	for range 3 {
		b := newBlock(1)
		e := Event{Kind: EventMessage}
		e.borrow(shared)
		b.push(e)
		require.True(t, q.add(b))
	}
	require.Equal(t, largeBuffer, q.bytes)
	q.dropMessages()
	require.EqualValues(t, 1, shared.refs.Load())
	require.Zero(t, q.bytes)
}
