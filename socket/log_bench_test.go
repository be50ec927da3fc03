package socket

import (
	"fmt"
	"testing"
)

// What of the log the benchmarks and the guards of allocations use, in one
// place: all below is in these words.

// benchLog is a log with the default bounds.
func benchLog(policy slowPolicy) *log {
	s := DefaultSettings()
	return newLog(logLimits{messages: uint64(s.LogMessages), bytes: s.LogBytes, policy: policy, timeout: patience})
}

// putFrame appends a frame that is of that type.
func putFrame(tb testing.TB, l *log, frame []byte, t MessageType) {
	if err := l.append(draftOf(frame), t, ""); err != nil {
		tb.Fatal(err)
	}
}

// benchReader is a cursor at seq whose writer is the benchmark: it runs until
// takeAll finds nothing.
func benchReader(l *log, seq uint64, types ...MessageType) *cursor {
	c := &cursor{start: func() {}, types: newTypeSet(types), speaks: true}
	l.mu.Lock()
	l.join(c, seq)
	l.mu.Unlock()
	c.release()
	return c
}

// rewind lets an idle cursor run again from seq.
func rewind(c *cursor, seq uint64) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.unlinkIdle()
	c.running = true
	c.moveTo(seq)
	c.told = seq
}

// seek finds the frame of that seq as a cursor does that was not there before.
func seek(l *log, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.find(seq)
}

// bounds are the first and the last frame that are kept.
func bounds(l *log) (first, last uint64) { return l.tail, l.head - 1 }

// typedFrame is a progress message of that type.
func typedFrame(tb testing.TB, t MessageType) []byte {
	m := progressMessage(tb)
	m.Type = t
	frame, err := benchEncoder().appendFrame(nil, &m, extraNone)
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}

// fill appends the frame until the log has let go of one: from then on nothing
// is new to it.
func fill(tb testing.TB, l *log, frame []byte) {
	for first := uint64(1); first == 1; first, _ = bounds(l) {
		putFrame(tb, l, frame, Data)
	}
}

// fillMixed fills a log with progress messages, one in ten of them an ERROR.
func fillMixed(tb testing.TB, l *log) {
	common, rare := typedFrame(tb, Data), typedFrame(tb, Error)
	for n, first := 0, uint64(1); first == 1; n++ {
		if n%10 == 0 {
			putFrame(tb, l, rare, Error)
		} else {
			putFrame(tb, l, common, Data)
		}
		first, _ = bounds(l)
	}
}

var benchPolicies = map[SlowClient]slowPolicy{
	SlowDropOldest: policyDropOldest, SlowLatest: policyLatest, SlowBlock: policyBlock, SlowDisconnect: policyDisconnect,
}

// BenchmarkLogAppend is what a frame costs with nobody there: evict, copy.
func BenchmarkLogAppend(b *testing.B) {
	for _, size := range []int{180, 1 << 10, 65 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			l, frame := benchLog(policyDropOldest), plainFrame(size)
			fill(b, l, frame)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				putFrame(b, l, frame, Data)
			}
		})
	}
}

// BenchmarkLogCursors appends with many cursors there: such as are at work,
// such as are idle and do not want the frame, and such as it wakes up. These
// take it and are idle again, which is in the figure.
func BenchmarkLogCursors(b *testing.B) {
	for _, cursors := range []int{0, 1, 10, 100} {
		for _, state := range []string{"running", "passed", "woken"} {
			if cursors == 0 && state != "running" {
				continue // it is the same
			}
			b.Run(fmt.Sprintf("%s=%d", state, cursors), func(b *testing.B) {
				l, frame := benchLog(policyDropOldest), typedFrame(b, Data)
				fill(b, l, frame)
				first, last := bounds(l)
				var woken []*cursor
				for range cursors {
					switch state {
					case "running":
						benchReader(l, first)
					case "passed":
						takeAll(benchReader(l, last, Error))
					default:
						woken = append(woken, benchReader(l, last))
						takeAll(woken[len(woken)-1])
					}
				}
				b.SetBytes(int64(len(frame)))
				b.ReportAllocs()
				for b.Loop() {
					putFrame(b, l, frame, Data)
					for _, c := range woken {
						takeAll(c)
					}
				}
			})
		}
	}
}

// BenchmarkLogFull appends to a full log, each time over a client that has
// read nothing. Under block that client takes all when half of the log is new.
func BenchmarkLogFull(b *testing.B) {
	for _, slow := range []SlowClient{SlowDropOldest, SlowLatest, SlowBlock, SlowDisconnect} {
		b.Run(string(slow), func(b *testing.B) {
			l, frame := benchLog(benchPolicies[slow]), typedFrame(b, Data)
			fill(b, l, frame)
			first, last := bounds(l)
			c := benchReader(l, first)
			until, n := 0, 0
			if slow == SlowBlock {
				until = int(last-first) / 2
				takeAll(c)
			}
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				putFrame(b, l, frame, Data)
				if n++; n == until {
					takeAll(c)
					n = 0
				}
			}
		})
	}
}

// BenchmarkCursorNext takes a full log from one end to the other. One frame of
// ten is an ERROR: who wants only those has the rest skipped, who wants the
// others is also told the numbers.
func BenchmarkCursorNext(b *testing.B) {
	for _, want := range []struct {
		name  string
		types []MessageType
	}{
		{"all", nil},
		{"few", []MessageType{Error}},
		{"most", []MessageType{Data}},
		{"none", []MessageType{Control}},
	} {
		b.Run(want.name, func(b *testing.B) {
			l := benchLog(policyDropOldest)
			fillMixed(b, l)
			first, last := bounds(l)
			c := benchReader(l, first, want.types...)
			takeAll(c)
			b.ReportAllocs()
			for b.Loop() {
				rewind(c, first)
				takeAll(c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(last-first+1), "ns/frame")
		})
	}
}

// BenchmarkCursorLatest skips a full log, up to its newest frame or to the
// newest that the reader wants.
func BenchmarkCursorLatest(b *testing.B) {
	for _, types := range [][]MessageType{nil, {Error}} {
		b.Run(map[bool]string{false: "few", true: "all"}[types == nil], func(b *testing.B) {
			l := benchLog(policyLatest)
			fillMixed(b, l)
			first, _ := bounds(l)
			c := benchReader(l, first, types...)
			takeAll(c)
			b.ReportAllocs()
			for b.Loop() {
				rewind(c, first)
				takeAll(c)
			}
		})
	}
}

// BenchmarkLogFind looks for a frame, which there is no index for.
func BenchmarkLogFind(b *testing.B) {
	l := benchLog(policyDropOldest)
	fillMixed(b, l)
	first, last := bounds(l)
	for _, at := range []struct {
		name string
		seq  uint64
	}{{"first", first}, {"middle", (first + last) / 2}, {"last", last}} {
		b.Run(at.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seek(l, at.seq)
			}
		})
	}
}

// BenchmarkLogResume is a client that comes back: it joins in the middle of a
// full log, takes the rest of a chunk, and leaves.
func BenchmarkLogResume(b *testing.B) {
	l := benchLog(policyDropOldest)
	fillMixed(b, l)
	first, last := bounds(l)
	b.ReportAllocs()
	for b.Loop() {
		c := benchReader(l, (first+last)/2)
		if _, state := c.next(); state != nextBytes {
			b.Fatal("nothing to resume")
		}
		c.leave()
		c.done()
	}
}
