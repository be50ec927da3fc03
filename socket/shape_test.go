package socket

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// shapeRows are values and what is, and is not, of their shape.
var shapeRows = []struct {
	name  string
	value any
	same  []any
	other []any
}{
	{"numbers", []any{uint8(200), 0.5, int64(-1 << 40), uint64(1 << 40)}, []any{
		[]any{uint8(255), math.NaN(), int64(math.MinInt64), uint64(math.MaxUint64)},
	}, []any{
		[]any{int8(-100), 0.5, int64(-1 << 40), uint64(1 << 40)},
	}},
	{"small numbers", []any{0, 1, 127, -1, "text"}, []any{
		[]any{127, 0, 99, -32, "TEXT"},
	}, []any{
		[]any{-1, 1, 127, -1, "text"},
		[]any{0, 1, 127, 1, "text"},
		[]any{nil, 1, 127, -1, "text"},
	}},
	{"truth", []any{true, false, nil, "text"}, []any{
		[]any{false, true, nil, "text"},
	}, []any{
		[]any{nil, false, nil, "text"},
		[]any{true, false, false, "text"},
		[]any{0, false, nil, "text"},
	}},
	{"ascii", map[string]any{"text": "0123456789"}, []any{
		map[string]any{"text": "ABCDEFGHIJ"},
		map[string]any{"TEXT": "0123456789"},
	}, []any{
		map[string]any{"text": "012345678é"},
		map[string]any{"texts": "012345678"},
	}},
	{"other text", []any{"münchen", 7}, []any{
		[]any{"münchen", 8},
	}, []any{
		[]any{"mïnchen", 7},
	}},
	{"bytes", []any{[]byte{1, 2, 3, 4, 5, 6}, 7}, []any{
		[]any{[]byte{0xff, 0xc1, 3, 4, 5, 6}, 7},
	}, []any{
		[]any{[]byte{1, 2, 3, 4, 5}, uint8(200)},
	}},
	{"nested", map[string]any{"a": []any{map[string]any{"b": 1}, []any{}}}, []any{
		map[string]any{"a": []any{map[string]any{"b": 2}, []any{}}},
	}, []any{
		map[string]any{"a": []any{map[string]any{"b": 1}, 0}},
		map[string]any{"a": []any{[]any{"b", 1}, []any{}}},
	}},
}

func TestShapeOfAValue(t *testing.T) {
	pack := func(v any) []byte {
		m, err := NewMessage(Data, []any{v, "larger than a word"})
		require.NoError(t, err)
		return m.Data
	}
	for _, row := range shapeRows {
		t.Run(row.name, func(t *testing.T) {
			s := shapeOfValue(pack(row.value))
			require.True(t, s.matches(pack(row.value)))
			for _, v := range row.same {
				require.True(t, s.matches(pack(v)), "%v", v)
			}
			for _, v := range row.other {
				require.False(t, s.matches(pack(v)), "%v", v)
			}
		})
	}
}

// Of a timestamp not every content is well formed, and some of the lead bytes
// between two numbers are reserved.
func TestShapeKeepsToWhatIsWellFormed(t *testing.T) {
	value := []byte{0x93, 0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x01, 0xa3, 'a', 'b', 'c'}
	s := shapeOfValue(value)
	for at := range value {
		for bit := range 8 {
			changed := append([]byte(nil), value...)
			changed[at] ^= 1 << bit
			if s.matches(changed) {
				require.NoError(t, checkValue(changed, maxDataDepth), "byte %d", at)
			}
		}
	}
}

// Both ways to compare say the same, for each number of words, with each bit of
// what is compared changed.
func TestSameBits(t *testing.T) {
	for size := wordSize; size <= 5*wordSize; size += wordSize / 2 {
		value := make([]byte, size)
		mask := make([]byte, size)
		for i := range value {
			value[i], mask[i] = byte(7*i), byte(1<<(i%8)|i)
		}
		s := newShape(value, mask)
		for bit := range 8 * size {
			changed := slices.Clone(value)
			changed[bit/8] ^= 1 << (bit % 8)
			same := mask[bit/8]&(1<<(bit%8)) == 0
			require.Equal(t, same, sameBits(&changed[0], s.words), "bit %d of %d", bit, 8*size)
			require.Equal(t, same, sameBitsAnywhere(&changed[0], s.words), "bit %d of %d", bit, 8*size)
		}
	}
	require.True(t, sameBits(new(byte), nil))
}

// Every change of one bit of a body: one that has the shape is read as the
// body that is read from the start.
func TestShapeOfABody(t *testing.T) {
	e := newEncoder("progress", nil, 1<<20)
	for _, extra := range []frameExtra{extraNone, extraUnicast, extraRetained} {
		frame, err := e.appendFrame(nil, &Message{Data: []byte("\x83\xa1n\xcd\x01\x02\xa1s\xa5caf\xc3\xa9\xa1t\xa4done")}, extra)
		require.NoError(t, err)
		body := frame[lengthSize:]
		p, ok := scanCanonical(body)
		require.True(t, ok)
		seen := &shapes{}
		seen.learn(body, func() *shape { return shapeOfBody(body, p) })
		same := 0
		for at := range body {
			for bit := range 8 {
				changed := append([]byte(nil), body...)
				changed[at] ^= 1 << bit
				s := seen.find(changed)
				if s == nil {
					continue
				}
				same++
				var env envelope
				require.NoError(t, parseEnvelope(changed, &env), "byte %d", at)
				var short, whole Event
				s.parts.fill(&short, changed)
				env.fill(&whole)
				require.Equal(t, whole, short)
			}
		}
		// 63 bits of timestamp_ms, 7 of 32 of timestamp_iso, 16 of n, 7 of
		// its keys and of "done".
		require.Equal(t, 63+7*32+16+7*3+7*4, same)
	}
}

// What looks like nothing before costs the making of a shape now and then.
func TestShapesAreLearnedRarely(t *testing.T) {
	seen, made := &shapes{}, 0
	value := []byte("\x92\xadnumber so far\x07")
	for range 1 << 12 {
		seen.learn(value, func() *shape { made++; return shapeOfValue(value) })
	}
	require.Equal(t, 11+3, made) // each power of two to 1024, and each further 1024
	require.NotNil(t, seen.find(value))

	seen.learn(make([]byte, wordSize-1), func() *shape { t.Fatal("too small"); return nil })
	seen.learn(make([]byte, maxShape+1), func() *shape { t.Fatal("too large"); return nil })
}

// Whatever the bytes: what has the shape of something well formed is well
// formed, and has the same parts.
func FuzzShape(f *testing.F) {
	addGoldenBodies(f)
	f.Add([]byte("\x93\x01\xa3abc\xc3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		half := len(b) / 2
		if len(b) > 2*maxShape || half < wordSize {
			return
		}
		for _, pair := range [][2][]byte{
			{b[:half], b[half : 2*half]},
			{b, changedAt(b, half)},
		} {
			like, other := pair[0], pair[1]
			if checkValue(like, maxDataDepth) == nil && shapeOfValue(like).matches(other) {
				require.NoError(t, checkValue(other, maxDataDepth))
			}
			p, ok := scanCanonical(like)
			if ok && shapeOfBody(like, p).matches(other) {
				q, ok := scanCanonical(other)
				require.True(t, ok)
				require.Equal(t, p, q)
			}
		}
	})
}

// changedAt returns b with another byte at a place.
func changedAt(b []byte, at int) []byte {
	changed := append([]byte(nil), b...)
	changed[at] ^= b[len(b)-1] | 1
	return changed
}

func BenchmarkShape(b *testing.B) {
	for _, size := range []int{16, 60, 180, 1000} {
		value := append([]byte{0xda, 0, 0}, make([]byte, size-3)...)
		value[1], value[2] = byte((size-3)>>8), byte(size-3)
		s := shapeOfValue(value)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				if !s.matches(value) {
					b.Fatal("no match")
				}
			}
		})
	}
}
