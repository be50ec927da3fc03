package socket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// scriptedSource gives a stream in pieces of the given sizes, over and over,
// and then its end.
type scriptedSource struct {
	stream []byte
	pieces []int
	reads  int
	end    error
}

func (s *scriptedSource) SetReadDeadline(time.Time) error { return nil }

func (s *scriptedSource) Read(p []byte) (int, error) {
	if len(s.stream) == 0 {
		return 0, s.end
	}
	n := min(len(p), max(1, s.pieces[s.reads%len(s.pieces)]), len(s.stream))
	s.reads++
	n = copy(p, s.stream[:n])
	s.stream = s.stream[n:]
	return n, nil
}

// readAll cuts a stream into bodies and says why it ended.
func readAll(src *scriptedSource, maxSize int) (bodies [][]byte, err error) {
	fr := frameReader{src: src, maxSize: maxSize, timeout: time.Hour}
	defer fr.close()
	for {
		body, err := fr.scan()
		if err == nil && body == nil {
			err = fr.fill()
		}
		if err != nil {
			return bodies, err
		}
		if body != nil {
			bodies = append(bodies, bytes.Clone(body))
		}
	}
}

func frameOf(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func TestReaderAtEveryByteBoundary(t *testing.T) {
	bodies := [][]byte{{1}, bytes.Repeat([]byte{2}, 300), {3, 3}, bytes.Repeat([]byte{4}, smallBuffer)}
	var stream []byte
	for _, b := range bodies {
		stream = append(stream, frameOf(b)...)
	}
	for cut := 0; cut <= len(stream); cut++ {
		// All of it, read in two pieces.
		got, err := readAll(&scriptedSource{stream: stream, pieces: []int{cut, len(stream)}, end: io.EOF}, 1<<20)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, bodies, got, "cut at %d", cut)
		// The connection ends there.
		got, err = readAll(&scriptedSource{stream: stream[:cut], pieces: []int{1 << 20}, end: io.EOF}, 1<<20)
		whole, at := 0, 0
		for _, b := range bodies {
			if at += lengthSize + len(b); at > cut {
				at -= lengthSize + len(b)
				break
			}
			whole++
		}
		require.Equal(t, whole, len(got), "cut at %d", cut)
		if at == cut {
			require.Equal(t, io.EOF, err)
		} else {
			require.Equal(t, io.ErrUnexpectedEOF, err)
		}
	}
	got, err := readAll(&scriptedSource{stream: stream, pieces: []int{1}, end: io.EOF}, 1<<20)
	require.Equal(t, io.EOF, err)
	require.Equal(t, bodies, got, "byte by byte")
}

func TestReaderKeepsLargeFramesWhole(t *testing.T) {
	var bodies [][]byte
	var stream []byte
	for i, size := range []int{bufferSize - lengthSize, bufferSize, bufferSize + 1, 5 * bufferSize, 10, 3 << 20, 20} {
		bodies = append(bodies, bytes.Repeat([]byte{byte(i + 1)}, size))
		stream = append(stream, frameOf(bodies[i])...)
	}
	for _, pieces := range [][]int{{1 << 30}, {100_000}, {3, 70_000, 1}} {
		got, err := readAll(&scriptedSource{stream: stream, pieces: pieces, end: io.EOF}, 4<<20)
		require.Equal(t, io.EOF, err)
		require.Equal(t, bodies, got)
	}
}

// A length that promises much costs nothing until the bytes come.
func TestReaderDoesNotBelieveALength(t *testing.T) {
	stream := append(binary.BigEndian.AppendUint32(nil, 1<<30), make([]byte, 100)...)
	fr := frameReader{src: &scriptedSource{stream: stream, pieces: []int{1}, end: io.EOF}, maxSize: 1 << 30, timeout: time.Hour}
	defer fr.close()
	for {
		body, err := fr.scan()
		require.NoError(t, err)
		require.Nil(t, body)
		if err := fr.fill(); err != nil {
			require.Equal(t, io.ErrUnexpectedEOF, err)
			break
		}
		require.LessOrEqual(t, len(fr.buf.data), 4*bufferSize)
	}
}

func TestReaderRefusesBadLengths(t *testing.T) {
	for name, c := range map[string]struct {
		length uint32
		want   error
	}{
		"zero":       {0, ErrProtocol},
		"over limit": {1025, ErrTooLarge},
		"huge":       {1<<32 - 1, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			stream := append(frameOf([]byte{7}), binary.BigEndian.AppendUint32(nil, c.length)...)
			got, err := readAll(&scriptedSource{stream: stream, pieces: []int{1 << 20}, end: io.EOF}, 1024)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, [][]byte{{7}}, got, "what came before is delivered")
		})
	}
}

// Where somebody is told, a body that is too large is passed over, however the
// stream is cut, and takes no more memory than others.
func TestReaderPassesOverWhatIsTooLarge(t *testing.T) {
	const most = 1024
	first, large, last := []byte{1}, bytes.Repeat([]byte{sixKeys}, 3*bufferSize), bytes.Repeat([]byte{2}, most)
	stream := slices.Concat(frameOf(first), frameOf(large), frameOf(large), frameOf(last))
	for _, pieces := range [][]int{{1 << 30}, {1}, {5}, {9}, {10}, {7, 70_000, 1}} {
		var sizes []int
		fr := frameReader{
			src: &scriptedSource{stream: stream, pieces: pieces, end: io.EOF}, maxSize: most, timeout: time.Hour,
			tooLarge: func(size int, first byte) {
				require.EqualValues(t, sixKeys, first)
				sizes = append(sizes, size)
			},
		}
		var got [][]byte
		largest := 0
		for {
			body, err := fr.scan()
			if err != nil {
				require.NoError(t, err)
			}
			if body != nil {
				got = append(got, bytes.Clone(body))
				continue
			}
			if err := fr.fill(); err != nil {
				require.Equal(t, io.EOF, err)
				break
			}
			largest = max(largest, len(fr.buf.data))
		}
		fr.close()
		require.LessOrEqual(t, largest, bufferSize)
		require.Equal(t, [][]byte{first, last}, got, "in pieces of %v", pieces)
		require.Equal(t, []int{len(large), len(large)}, sizes)
	}
}

// A stream that ends inside such a body was cut.
func TestReaderCutInsideWhatIsTooLarge(t *testing.T) {
	stream := frameOf(make([]byte, 2000))
	fr := frameReader{
		src: &scriptedSource{stream: stream[:1500], pieces: []int{1500}, end: io.EOF}, maxSize: 1000, timeout: time.Hour,
		tooLarge: func(int, byte) {},
	}
	defer fr.close()
	var end error
	for end == nil {
		body, err := fr.scan()
		require.NoError(t, err)
		require.Nil(t, body)
		end = fr.fill()
	}
	require.Equal(t, io.ErrUnexpectedEOF, end)
}

// Events that are kept borrow from buffers that must not be used again.
func TestReaderLeavesKeptBodiesAlone(t *testing.T) {
	var stream []byte
	for i := range 2000 {
		stream = append(stream, frameOf(bytes.Repeat([]byte{byte(i)}, 1+i%700))...)
	}
	fr := frameReader{src: &scriptedSource{stream: stream, pieces: []int{5000, 17, 300}, end: io.EOF}, maxSize: 1 << 20, timeout: time.Hour}
	type kept struct {
		body []byte
		buf  *buffer
	}
	var all []kept
	for {
		body, err := fr.scan()
		require.NoError(t, err)
		if body != nil {
			fr.buf.retain(1)
			all = append(all, kept{body, fr.buf})
			continue
		}
		if err := fr.fill(); err != nil {
			break
		}
	}
	require.Len(t, all, 2000)
	for i, k := range all {
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, 1+i%700), k.body)
		k.buf.release(1)
	}
	fr.close()
}

// A peer that begins a frame must end it, however busily it sends; one that is
// silent between frames may stay silent.
func TestFrameTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		fr := frameReader{src: ours, maxSize: 1 << 20, timeout: 30 * time.Second}
		defer fr.close()
		var group sync.WaitGroup
		defer group.Wait()
		defer ours.Close()
		group.Go(func() {
			time.Sleep(10 * time.Hour) // a listener only: not a fault
			theirs.Write(frameOf([]byte{1}))
			frame := frameOf(make([]byte, 1000))
			for i := range frame { // one byte a second
				if _, err := theirs.Write(frame[i : i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		start := time.Now()
		require.NoError(t, fr.fill())
		body, err := fr.scan()
		require.NoError(t, err)
		require.Equal(t, []byte{1}, body)
		require.Equal(t, 10*time.Hour, time.Since(start))
		begun := time.Now()
		for err == nil {
			_, err = fr.scan()
			require.NoError(t, err)
			err = fr.fill()
		}
		require.ErrorIs(t, err, errFrameTimeout)
		require.InDelta(t, 30, time.Since(begun).Seconds(), 1.1)
	})
}

// stoppedSource is a connection over which something comes while its reader is
// stopped. The deadline goes before what is there, as in package net.
type stoppedSource struct {
	scriptedSource
	deadline time.Time
}

func (s *stoppedSource) SetReadDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

func (s *stoppedSource) Read(p []byte) (int, error) {
	if !s.deadline.IsZero() && !time.Now().Before(s.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	if len(s.stream) == 0 {
		time.Sleep(time.Until(s.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	return s.scriptedSource.Read(p)
}

// stoppedAhead stops the reader once, behind the deadline that fill sets.
type stoppedAhead struct{ fr *frameReader }

func (s stoppedAhead) AwaitRead() error {
	s.fr.ahead = nil
	time.Sleep(time.Hour) // of a clock that synctest puts forward
	return nil
}

func (stoppedAhead) ReadNow([]byte) (int, error) { return 0, nil }

// What came in time is read, though the time is over when its reader gets to it.
func TestReaderStoppedBeyondItsDeadline(t *testing.T) {
	for name, begun := range map[string]int{ // bytes that are read before the stop
		"within a frame":      3,
		"between two of them": 0,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				frame := frameOf(make([]byte, 100))
				src := &stoppedSource{scriptedSource: scriptedSource{stream: frame, pieces: []int{max(1, begun), 20, 7}}}
				fr := frameReader{src: src, maxSize: 1 << 20, timeout: 30 * time.Second, quiet: 45 * time.Second}
				defer fr.close()
				if begun > 0 {
					require.NoError(t, fr.fill())
					require.NoError(t, fr.setDeadline())
					time.Sleep(time.Hour)
				} else {
					fr.ahead = stoppedAhead{&fr}
				}
				var body []byte
				for body == nil {
					require.NoError(t, fr.fill())
					var err error
					body, err = fr.scan()
					require.NoError(t, err)
				}
				require.Equal(t, frame[lengthSize:], body)
				require.Equal(t, errSilent, fr.fill(), "nothing more has come")
			})
		})
	}
}

func TestQuietPeerIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		fr := frameReader{src: ours, maxSize: 1 << 20, timeout: time.Hour, quiet: 45 * time.Second}
		defer fr.close()
		defer ours.Close()
		go func() {
			time.Sleep(40 * time.Second)
			theirs.Write(frameOf([]byte{1}))
		}()
		start := time.Now()
		require.NoError(t, fr.fill())
		body, err := fr.scan()
		require.NoError(t, err)
		require.NotNil(t, body)
		err = fr.fill()
		require.ErrorIs(t, err, errSilent)
		require.Equal(t, 85*time.Second+secondLook, time.Since(start))
		require.True(t, errors.Is(err, ErrIO) && !errors.Is(err, os.ErrDeadlineExceeded))
	})
}

// After a hurry all that is there is read, whatever the reader was doing and
// however late it asks, and then it is over.
func TestReaderInAHurry(t *testing.T) {
	for name, first := range map[string]int{"between frames": 0, "inside a frame": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				fr := frameReader{src: ours, maxSize: 1 << 20, timeout: time.Hour}
				defer fr.close()
				defer ours.Close()
				frame := frameOf([]byte{1})
				go func() {
					theirs.Write(frame[:first])
					theirs.Write(frame[first:])
					theirs.Write(frameOf([]byte{2}))
				}()
				if first > 0 {
					require.NoError(t, fr.fill())
				}
				fr.hurry()
				var bodies [][]byte
				for {
					body, err := fr.scan()
					require.NoError(t, err)
					if body != nil {
						bodies = append(bodies, bytes.Clone(body))
						time.Sleep(time.Minute) // the host takes its time
						continue
					}
					start := time.Now()
					if err := fr.fill(); err != nil {
						require.Equal(t, io.EOF, err)
						require.Equal(t, farewell, time.Since(start))
						break
					}
				}
				require.Equal(t, [][]byte{{1}, {2}}, bodies)
			})
		})
	}
}

// A hurry that comes while the reader sets a deadline of its own is not lost.
func TestReaderIsHurriedWhileItSetsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		src := &hurriedSource{Conn: ours}
		fr := frameReader{src: src, maxSize: 1 << 20, timeout: time.Hour}
		defer fr.close()
		src.fr = &fr
		go theirs.Write([]byte{0, 0})
		require.NoError(t, fr.fill())
		start := time.Now()
		require.Equal(t, io.ErrUnexpectedEOF, fr.fill())
		require.Equal(t, farewell, time.Since(start))
	})
}

// hurriedSource hurries its reader just before a deadline is set.
type hurriedSource struct {
	net.Conn
	fr *frameReader
}

func (s *hurriedSource) SetReadDeadline(t time.Time) error {
	if fr := s.fr; fr != nil {
		s.fr = nil
		fr.hurry()
	}
	return s.Conn.SetReadDeadline(t)
}

// FuzzFrameReader cuts any stream in any pieces: what comes out must not
// depend on the pieces, and must be what a plain reading of the format gives.
func FuzzFrameReader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 7, 0, 0, 0, 2, 8}, byte(1), byte(3))
	f.Add([]byte{0, 0, 0, 0}, byte(1), byte(1))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, byte(2), byte(9))
	f.Add(append(frameOf(make([]byte, 3000)), frameOf([]byte{1})...), byte(200), byte(7))
	f.Fuzz(func(t *testing.T, stream []byte, one, two byte) {
		const limit = 4096
		var want [][]byte
		var wantErr error
		for rest := stream; ; {
			if len(rest) == 0 {
				wantErr = io.EOF
				break
			}
			if len(rest) < lengthSize {
				wantErr = io.ErrUnexpectedEOF
				break
			}
			n := binary.BigEndian.Uint32(rest)
			if n == 0 {
				wantErr = ErrProtocol
				break
			}
			if n > limit {
				wantErr = ErrTooLarge
				break
			}
			if uint64(len(rest)) < uint64(lengthSize)+uint64(n) {
				wantErr = io.ErrUnexpectedEOF
				break
			}
			want = append(want, rest[lengthSize:lengthSize+int(n)])
			rest = rest[lengthSize+int(n):]
		}
		got, err := readAll(&scriptedSource{stream: stream, pieces: []int{int(one), int(two)}, end: io.EOF}, limit)
		require.ErrorIs(t, err, wantErr)
		require.Equal(t, len(want), len(got))
		for i := range want {
			require.True(t, bytes.Equal(want[i], got[i]))
		}
	})
}
