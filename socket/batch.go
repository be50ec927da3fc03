package socket

import (
	"context"
	"errors"
	"iter"
	"log/slog"
)

// A Batch takes many events in one step. It can be used again and again, by
// one goroutine at a time.
type Batch struct {
	// Events are valid until the batch is filled again or released.
	Events []Event

	block *block // where they are
}

// Release lets go of the events. A client that is held until its
// EventConnected has been handled is let in.
func (b *Batch) Release() {
	if b.block == nil {
		return
	}
	releaseEvents(b.block.events)
	b.block.recycle()
	b.block, b.Events = nil, nil
}

// fill waits for events, tryFill does not and returns ErrTimeout.
func (q *inbox) fill(ctx context.Context, b *Batch, limit int) error {
	b.Release()
	block, err := q.take(ctx, batchLimit(limit))
	return b.hold(block, err)
}

func (q *inbox) tryFill(b *Batch, limit int) error {
	b.Release()
	block, err := q.tryTake(batchLimit(limit))
	if err == ErrTimeout && q.polls != nil {
		block, err = q.polls.take(q, batchLimit(limit))
	}
	return b.hold(block, err)
}

func (b *Batch) hold(block *block, err error) error {
	if err == nil {
		b.block, b.Events = block, block.events
	}
	return err
}

func batchLimit(limit int) int {
	if limit <= 0 {
		return blockEvents
	}
	return limit
}

// iterate yields events until the inbox ends. The end by Close is the end of
// the iteration; any other is yielded as its error.
func (q *inbox) iterate(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var b Batch
		for {
			if err := q.fill(ctx, &b, 0); err != nil {
				if !errors.Is(err, ErrClosed) {
					yield(Event{}, err)
				}
				return
			}
			for i := range b.Events {
				e := &b.Events[i]
				ok := yield(*e, nil)
				e.release()
				if !ok {
					q.putBack(b.block, i+1)
					return
				}
			}
		}
	}
}

// dispatch hands the events to f until the inbox ends, which only Close does.
// A panic in f is logged and changes nothing else.
func (q *inbox) dispatch(f func(Event), logger *slog.Logger) {
	discard := slog.New(slog.DiscardHandler)
	call := func(e Event) {
		to := logger
		if e.Kind == EventLog {
			to = discard // the line about it would come to f again
		}
		defer recovered(to, "OnEvent")
		f(e)
	}
	for e := range q.iterate(context.Background()) {
		call(e)
	}
}
