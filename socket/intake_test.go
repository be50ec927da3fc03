package socket

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A streamSource gives a stream in steps of so many bytes. With a step of 0
// nothing is there: a read waits for the next step, ReadNow does not.
type streamSource struct {
	stream []byte
	steps  []int
	end    error
	now    func()          // called before every read that does not wait
	waits  func(given int) // called when a read waits
	late   bool            // a deadline has passed, as a read notices that does not set one

	given  int
	intake *intake // that reads it
}

func (s *streamSource) SetReadDeadline(time.Time) error { return nil }

func (s *streamSource) ReadNow(p []byte) (int, error) {
	if s.intake.block != nil {
		return 0, errors.New("a block would hold events of two buffers")
	}
	if s.now != nil {
		s.now()
	}
	if s.late {
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.steps) > 0 && s.steps[0] == 0 {
		return 0, nil
	}
	return s.next(p)
}

func (s *streamSource) AwaitRead() error {
	if len(s.steps) > 0 && s.steps[0] == 0 {
		s.steps = s.steps[1:]
		s.waits(s.given)
	}
	return nil
}

func (s *streamSource) Read(p []byte) (int, error) {
	if err := s.AwaitRead(); err != nil {
		return 0, err
	}
	return s.next(p)
}

func (s *streamSource) next(p []byte) (int, error) {
	if len(s.steps) == 0 {
		return 0, s.end
	}
	n := copy(p[:min(len(p), s.steps[0])], s.stream[s.given:])
	if s.steps[0] -= n; s.steps[0] == 0 {
		s.steps = s.steps[1:]
	}
	s.given += n
	return n, nil
}

func (s *streamSource) run(q *inbox, owner interface {
	message(*Event) bool
	control(*control) error
}) error {
	s.intake = &intake{
		frames: frameReader{src: s, ahead: s, maxSize: 1 << 20, timeout: time.Hour},
		inbox:  q, logger: slog.New(slog.DiscardHandler), owner: owner,
	}
	return s.intake.run()
}

// woken reports whether a receiver would wake up, once.
func woken(q *inbox) bool {
	select {
	case <-q.ready:
		return true
	default:
		return false
	}
}

// takeNow takes what waits, and counts it.
func takeNow(q *inbox) (n int) {
	defer woken(q) // who takes tells the next one that there is more
	var batch Batch
	for q.tryFill(&batch, 0) == nil {
		n += len(batch.Events)
	}
	return n
}

// A receiver wakes up once for what a stream has brought when the reader
// waits, and not before; but nothing is kept from it while the reader waits,
// whatever the stream was cut into.
func TestStreamWakesTheReceiverBeforeAWait(t *testing.T) {
	frame := sizedFrame(t, 180)
	stream := bytes.Repeat(frame, quietMessages)
	part := len(frame) / 2
	for name, steps := range map[string][]int{
		"whole frames":     {200 * len(frame), 0, 300 * len(frame), 0, len(frame), 0, 300 * len(frame)},
		"parts of frames":  {200*len(frame) + part, 0, 300 * len(frame), 0, len(frame), 0, 299*len(frame) - part},
		"several at once":  {100 * len(frame), 200*len(frame) + part, 150 * len(frame), 0, 100*len(frame) - part},
		"first a few":      {len(frame), 0, 300 * len(frame), 100*len(frame) + part, 0, 20 * len(frame), 10*len(frame) - part},
		"large, then less": {400 * len(frame), part, 0, len(frame) - part, part, 0, len(frame) - part},
	} {
		t.Run(name, func(t *testing.T) {
			q := benchInbox()
			total := 0
			for _, n := range steps {
				total += n
			}
			taken, read := 0, 0
			src := &streamSource{stream: stream, steps: steps, end: io.EOF}
			began := false // with a read that was small yet, perhaps
			src.now = func() {
				if woken(q) {
					require.False(t, began, "woken up in the middle of a stream")
				}
				began = true
			}
			src.waits = func(given int) {
				if given/len(frame) > read {
					require.True(t, woken(q), "not woken up for %d bytes", given)
				}
				read, began = given/len(frame), false
				taken += takeNow(q)
				require.Equal(t, read, taken)
			}
			require.Equal(t, io.EOF, src.run(q, takesAll{}))
			require.Equal(t, total/len(frame) > read, woken(q))
			require.Equal(t, total/len(frame), taken+takeNow(q))
		})
	}
}

// A stream that does not pause wakes the receiver up all the same.
func TestStreamWithoutAPauseWakesTheReceiver(t *testing.T) {
	small, err := benchEncoder().appendFrame(nil, &Message{}, extraNone)
	require.NoError(t, err)
	for _, frame := range [][]byte{small, sizedFrame(t, 10_000)} {
		stream := bytes.Repeat(frame, 4*quietMessages)
		q := newInbox(&Settings{BufferSize: 1 << 20, BufferBytes: 1 << 30}, nil)
		src := &streamSource{stream: stream, steps: []int{len(stream)}, end: io.EOF}
		wakes := 0
		src.now = func() {
			if woken(q) {
				wakes++
				takeNow(q)
			}
			require.Less(t, q.waiting(), quietMessages)
			require.Less(t, q.bytes, quietBytes)
		}
		require.Equal(t, io.EOF, src.run(q, takesAll{}))
		require.Positive(t, wakes)
	}
}

// Few messages are not kept from the receiver until the connection was looked
// at again.
func TestFewMessagesWakeTheReceiverAtOnce(t *testing.T) {
	frame := sizedFrame(t, 180)
	src := &streamSource{stream: bytes.Repeat(frame, 10), steps: []int{len(frame), 2 * len(frame)}, end: io.EOF}
	src.now = func() { t.Error("looked") }
	q := benchInbox()
	require.Equal(t, io.EOF, src.run(q, takesAll{}))
	require.True(t, woken(q))
	require.Equal(t, 3, takeNow(q))
}

// In an inbox that is smaller than what a stream may bring at once, the reader
// waits for room, and the receiver is woken up to make some.
func TestStreamIntoASmallInbox(t *testing.T) {
	frame := sizedFrame(t, 180)
	stream := bytes.Repeat(frame, 5000)
	q := newInbox(&Settings{BufferSize: blockEvents + blockEvents/2, BufferBytes: 1 << 20}, nil)
	ended := make(chan error, 1)
	go func() {
		src := &streamSource{stream: stream, steps: []int{len(stream)}, end: io.EOF}
		err := src.run(q, takesAll{})
		q.finish(ErrClosed)
		ended <- err
	}()
	require.Equal(t, 5000, takeOut(q))
	require.Equal(t, io.EOF, <-ended)
}

// How a stream ends is known, also when a read that does not wait meets it.
func TestEndOfAStream(t *testing.T) {
	frame := sizedFrame(t, 180)
	stream := bytes.Repeat(frame, 200)
	reset := os.NewSyscallError("read", syscall.ECONNRESET)
	for _, row := range []struct {
		bytes      int
		end, wants error
	}{
		{len(stream), io.EOF, io.EOF},
		{len(stream) - 1, io.EOF, io.ErrUnexpectedEOF},
		{len(stream), reset, reset},
		{len(stream) - 1, reset, reset},
	} {
		q := benchInbox()
		src := &streamSource{stream: stream, steps: []int{row.bytes}, end: row.end}
		require.Equal(t, row.wants, src.run(q, takesAll{}))
		require.True(t, woken(q))
		require.Equal(t, row.bytes/len(frame), takeNow(q))
	}
}

// A stream that goes on beyond the deadline of a frame, or of a quiet peer,
// which was set for another read, goes on.
func TestStreamBeyondADeadline(t *testing.T) {
	frame := sizedFrame(t, 180)
	stream := bytes.Repeat(frame, 2000)
	q := benchInbox()
	src := &streamSource{stream: stream, steps: []int{len(stream)}, end: io.EOF, late: true}
	require.Equal(t, io.EOF, src.run(q, takesAll{}))
	require.Equal(t, 2000, takeNow(q))
}

// controlled owns an intake and is called for a control frame.
type controlled struct {
	takesAll
	called func()
}

func (c controlled) control(*control) error {
	c.called()
	return nil
}

// A control frame is acted upon after the receiver has been woken up for what
// came before it.
func TestControlFrameInAStream(t *testing.T) {
	frame := sizedFrame(t, 180)
	before := bytes.Repeat(frame, 2*blockEvents) // whole blocks: nothing is left
	stream := append(bytes.Clone(before), pingFrame...)
	stream = append(stream, before...)
	q := benchInbox()
	calls := 0
	src := &streamSource{stream: stream, steps: []int{len(stream)}, end: io.EOF}
	require.Equal(t, io.EOF, src.run(q, controlled{called: func() {
		calls++
		require.True(t, woken(q))
		require.Equal(t, 2*blockEvents, takeNow(q))
	}}))
	require.Equal(t, 1, calls)
	require.Equal(t, 2*blockEvents, takeNow(q))
}
