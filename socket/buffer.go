package socket

import (
	"sync"
	"sync/atomic"
)

// A buffer is memory that a connection reads into. Events borrow slices of it;
// it is used again when the reader and all events have let go.
type buffer struct {
	data []byte
	refs atomic.Int64
}

const (
	// bufferSize is what one read takes from the kernel at most, while
	// frames are small.
	bufferSize = 64 << 10
	// largeBuffer is for frames of which few or none fit into a bufferSize,
	// and the step in which buffers for larger frames grow.
	largeBuffer = 4 * bufferSize
	// smallBuffer is what a quiet connection waits with: most clients never
	// send, and thousands of them must not cost 64 KiB each.
	smallBuffer = 1 << 10
)

var (
	hugeBuffers  sync.Pool // of any size above
	largeBuffers = sync.Pool{New: func() any { return &buffer{data: make([]byte, largeBuffer)} }}
	buffers      = sync.Pool{New: func() any { return &buffer{data: make([]byte, bufferSize)} }}
	smallBuffers = sync.Pool{New: func() any { return &buffer{data: make([]byte, smallBuffer)} }}
)

// newBuffer returns a buffer of at least that size with one reference.
func newBuffer(size int) *buffer {
	var b *buffer
	switch {
	case size <= smallBuffer:
		b = smallBuffers.Get().(*buffer)
	case size <= bufferSize:
		b = buffers.Get().(*buffer)
	case size <= largeBuffer:
		b = largeBuffers.Get().(*buffer)
	default:
		if b, _ = hugeBuffers.Get().(*buffer); b == nil || len(b.data) < size {
			b = &buffer{data: make([]byte, (size+largeBuffer-1)&^(largeBuffer-1))}
		}
	}
	b.refs.Store(1)
	return b
}

// weight is that of the next event that borrows. The whole buffer stays in
// memory for it, so the first that holds it, beside the buffer's owner, weighs
// as much, and those that follow weigh nothing.
func (b *buffer) weight() int {
	if b.refs.Load() == 1 {
		return len(b.data)
	}
	return 0
}

func (b *buffer) retain(n int) { b.refs.Add(int64(n)) }

func (b *buffer) release(n int) {
	if b.refs.Add(-int64(n)) != 0 {
		return
	}
	switch len(b.data) {
	case smallBuffer:
		smallBuffers.Put(b)
	case bufferSize:
		buffers.Put(b)
	case largeBuffer:
		largeBuffers.Put(b)
	default:
		hugeBuffers.Put(b)
	}
}
