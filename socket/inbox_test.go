package socket

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

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
