package socket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"
)

// What of a connection the benchmarks and the guards of allocations use, in
// one place.

// loopSource is a connection that gives a stream of whole frames over and
// over, at most piece bytes a read, and ends after left bytes.
type loopSource struct {
	stream []byte
	at     int
	piece  int
	left   int
	read   func() // called before every read: what was read before is handed on
}

func (s *loopSource) SetReadDeadline(time.Time) error { return nil }

func (s *loopSource) Read(p []byte) (int, error) {
	if s.read != nil {
		s.read()
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), s.piece, s.left)]
	for n := 0; n < len(p); {
		some := copy(p[n:], s.stream[s.at:])
		n += some
		s.at = (s.at + some) % len(s.stream)
	}
	s.left -= len(p)
	return len(p), nil
}

// framesOf is a source of n such frames: one a read, or as many as go into it.
func framesOf(frame []byte, burst bool, n int) *loopSource {
	s := &loopSource{stream: bytes.Repeat(frame, 1+bufferSize/len(frame)), piece: len(frame), left: n * len(frame)}
	if burst {
		s.piece = s.left
	}
	return s
}

func benchFrames(src *loopSource) frameReader {
	return frameReader{src: src, maxSize: 1 << 20, timeout: time.Hour}
}

// nextBody reads until there is a whole frame.
func nextBody(fr *frameReader) ([]byte, error) {
	for {
		body, err := fr.scan()
		if body != nil || err != nil {
			return body, err
		}
		if err := fr.fill(); err != nil {
			return nil, err
		}
	}
}

// takesAll owns an intake and lets every message pass.
type takesAll struct{}

func (takesAll) message(*Event) bool    { return true }
func (takesAll) control(*control) error { return nil }

// takeIn reads a source to its end, into an inbox.
func takeIn(tb testing.TB, src *loopSource, q *inbox) {
	in := intake{frames: benchFrames(src), inbox: q, logger: slog.New(slog.DiscardHandler), owner: takesAll{}}
	if err := in.run(); err != io.EOF {
		tb.Fatal(err)
	}
}

func benchInbox() *inbox { return newInbox(DefaultSettings(), nil) }

// takeOut takes batches until the inbox is finished, and counts the events.
func takeOut(q *inbox) (events int) {
	var batch Batch
	for q.fill(context.Background(), &batch, 0) == nil {
		events += len(batch.Events)
	}
	return events
}

// sizedFrame is the frame of a message, about size bytes long.
func sizedFrame(tb testing.TB, size int) []byte {
	m := progressMessage(tb)
	if size > 200 {
		var err error
		if m, err = NewMessage(Data, make([]byte, size-140)); err != nil {
			tb.Fatal(err)
		}
	}
	frame, err := benchEncoder().appendFrame(nil, &m, extraNone)
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}

// eachRead is one frame a read, as it comes to who keeps up, and as many as
// go into it.
func eachRead(b *testing.B, size int, f func(b *testing.B, burst bool)) {
	for _, burst := range []bool{false, true} {
		name := fmt.Sprintf("%dB/%s", size, map[bool]string{false: "single", true: "burst"}[burst])
		b.Run(name, func(b *testing.B) { f(b, burst) })
	}
}

// BenchmarkFrameReader cuts frames out of reads from memory, and looks into
// none.
func BenchmarkFrameReader(b *testing.B) {
	for _, size := range []int{16, 180, 1 << 10, 64 << 10} {
		eachRead(b, size, func(b *testing.B, burst bool) {
			fr := benchFrames(framesOf(plainFrame(size), burst, 1<<40))
			defer fr.close()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := nextBody(&fr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIntake is the way of a message from a read to who takes it, in
// batches, on a goroutine of its own.
func BenchmarkIntake(b *testing.B) {
	for _, size := range []int{180, 1 << 10, 64 << 10} {
		eachRead(b, size, func(b *testing.B, burst bool) {
			frame := sizedFrame(b, size)
			q := benchInbox()
			taken := make(chan int)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			b.ResetTimer()
			go func() { taken <- takeOut(q) }() // ends when the inbox is finished
			takeIn(b, framesOf(frame, burst, b.N), q)
			q.finish(ErrClosed)
			if n := <-taken; n != b.N {
				b.Fatalf("%d messages of %d came", n, b.N)
			}
		})
	}
}

// BenchmarkIntakeAlone is the same without the second goroutine: what has been
// read is taken before the next read.
func BenchmarkIntakeAlone(b *testing.B) {
	for _, size := range []int{180, 1 << 10, 64 << 10} {
		eachRead(b, size, func(b *testing.B, burst bool) {
			frame := sizedFrame(b, size)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			b.ResetTimer()
			takeInAndOut(b, framesOf(frame, burst, b.N))
		})
	}
}

// takeInAndOut has each read taken before the next. The source is read to its
// end.
func takeInAndOut(tb testing.TB, src *loopSource) {
	q := benchInbox()
	var batch Batch
	src.read = func() {
		for q.tryFill(&batch, 0) == nil {
		}
	}
	takeIn(tb, src, q)
}
