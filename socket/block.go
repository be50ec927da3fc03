package socket

import "sync"

// blockEvents is how many events travel together, from the connection that has
// read them to the host: enough to make the inbox's lock cheap, and few enough
// for a core's cache.
const blockEvents = 128

// fewEvents is for where little waits, which may be in thousands of inboxes.
const fewEvents = 4

// A block is memory for events. It goes from hand to hand with what is in it,
// so that events are not copied while the host keeps up; connections and
// inboxes that have nothing hold none.
type block struct {
	events []Event // those before at were taken; behind len is nothing
	at     int
	next   *block

	// What is left of it weighs so much in an inbox.
	messages, bytes, logs int

	// Of a block that was read from a connection: what the bodies take, which
	// are all in one buffer, and whether that is little of it and all there is.
	used   int
	sparse bool
}

var (
	blocks    = sync.Pool{New: func() any { return &block{events: make([]Event, 0, blockEvents)} }}
	fewBlocks = sync.Pool{New: func() any { return &block{events: make([]Event, 0, fewEvents)} }}
)

// newBlock returns an empty block for n events, as far as that many travel
// together.
func newBlock(n int) *block {
	if n <= fewEvents {
		return fewBlocks.Get().(*block)
	}
	return blocks.Get().(*block)
}

// recycle gives a block back whose events have been handed on, or released.
func (b *block) recycle() {
	clear(b.events)
	*b = block{events: b.events[:0]}
	if cap(b.events) == fewEvents {
		fewBlocks.Put(b)
	} else {
		blocks.Put(b)
	}
}

func (b *block) left() int { return len(b.events) - b.at }

func (b *block) room() int { return cap(b.events) - len(b.events) }

// push appends an event.
func (b *block) push(e Event) {
	b.events = append(b.events, e)
	b.account(&e, 1)
}

// append copies what is left of another block.
func (b *block) append(from *block) {
	b.events = append(b.events, from.events[from.at:]...)
	b.messages += from.messages
	b.bytes += from.bytes
	b.logs += from.logs
}

// account adds or subtracts what an event weighs.
func (b *block) account(e *Event, sign int) {
	switch e.Kind {
	case EventMessage:
		b.messages += sign
		b.bytes += sign * e.weight
	case EventLog:
		b.logs += sign
	}
}

// take moves the next events, up to so many, to another block.
func (b *block) take(limit int) *block {
	n := min(b.left(), limit, blockEvents)
	to := newBlock(n)
	taken := b.events[b.at : b.at+n]
	for i := range taken {
		to.push(taken[i])
		b.account(&taken[i], -1)
	}
	clear(taken)
	b.at += n
	return to
}
