package socket

import "sync"

// blockEvents is how many events travel together, from the connection that has
// read them to the host: enough to make the inbox's lock cheap, and few enough
// for a core's cache.
const blockEvents = 128

// A block is memory for events. It goes from hand to hand with what is in it,
// so that events are not copied while the host keeps up; connections and
// inboxes that have nothing hold none.
type block struct {
	events []Event // those before at were taken; behind len is nothing
	at     int
	next   *block

	// What is left of it weighs so much in an inbox.
	messages, bytes, logs int
}

var blocks = sync.Pool{New: func() any { return &block{events: make([]Event, 0, blockEvents)} }}

func newBlock() *block { return blocks.Get().(*block) }

// recycle gives an empty block back: its events have been handed on, or
// released.
func (b *block) recycle() {
	clear(b.events)
	*b = block{events: b.events[:0]}
	blocks.Put(b)
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

// take moves the next n events to another block.
func (b *block) take(to *block, n int) {
	taken := b.events[b.at : b.at+n]
	for i := range taken {
		to.push(taken[i])
		b.account(&taken[i], -1)
	}
	clear(taken)
	b.at += n
}
