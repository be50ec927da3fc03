package socket

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckValue(t *testing.T) {
	for _, row := range []struct {
		name, hex string
		want      string // "" or what the error says
	}{
		{"empty", "", "cut off at byte 0"},
		{"fixint", "05", ""},
		{"negative fixint", "e0", ""},
		{"nil", "c0", ""},
		{"reserved", "92c0c1", "reserved byte 0xc1 at byte 2"},
		{"trailing", "0505", "bytes follow the value at byte 1"},
		{"int64 not in its smallest form", "d30000000000000001", ""},
		{"int64 cut off", "d300000000000000", "cut off at byte 0"},
		{"float32", "ca3f800000", ""},
		{"float64 cut off", "cb3f8000", "cut off at byte 0"},
		{"str", "a26869", ""},
		{"str not in its smallest form", "db000000026869", ""},
		{"str cut off in its length", "da00", "cut off at byte 0"},
		{"str cut off", "dbffffffff6162", "cut off at byte 0"},
		{"str of 2 bytes", "a2c3a9", ""},
		{"str of 4 bytes", "a4f09f9880", ""},
		{"str of a non-character", "a3efbfbf", ""},
		{"str not UTF-8", "91a1ff", "not valid UTF-8 at byte 1"},
		{"str overlong", "a2c080", "not valid UTF-8"},
		{"str surrogate", "a3eda080", "not valid UTF-8"},
		{"str beyond Unicode", "a4f4908080", "not valid UTF-8"},
		{"str16 not UTF-8", "da0001ff", "not valid UTF-8"},
		{"bin", "c402ffff", ""},
		{"bin cut off", "c403ffff", "cut off"},
		{"array", "93010203", ""},
		{"array of 16 bits", "dc000101", ""},
		{"array cut off", "930102", "cut off"},
		{"array of a false length", "ddffffffff", "cut off at byte 0"},
		{"map", "81a16101", ""},
		{"map of 32 bits", "df00000001a16101", ""},
		{"map of a false length", "dfffffffff", "cut off at byte 0"},
		{"map key str8", "81d9016101", ""},
		{"map key empty", "81a001", ""},
		{"map key bin", "81c4016b01", ""},
		{"map key not UTF-8", "81a1ff01", "not valid UTF-8 at byte 1"},
		{"map key int", "82a161010102", "neither str nor bin at byte 4"},
		{"map key negative", "81e001", "neither str nor bin"},
		{"map key nil", "81c001", "neither str nor bin"},
		{"map key true", "81c301", "neither str nor bin"},
		{"map key float", "81cb3ff800000000000001", "neither str nor bin"},
		{"map key array", "819001", "neither str nor bin"},
		{"map key map", "818001", "neither str nor bin"},
		{"map key ext", "81d4050001", "neither str nor bin"},
		{"map key timestamp", "81d6ff0000000101", "neither str nor bin"},
		{"map key int, deep inside", "9181a1619281a16101810102", "neither str nor bin"},
		{"map duplicate key", "82a16101a16102", ""},
		{"map without its last value", "81a161", "cut off at byte 3"},
		{"ext", "d4050a", ""},
		{"ext of 127", "d47f0a", ""},
		{"ext of no bytes", "c70005", ""},
		{"ext of 16 bits", "c8000205aabb", ""},
		{"ext cut off", "d5050a", "cut off"},
		{"ext without its type", "c700", "cut off"},
		{"ext of a false length", "c9ffffffff05", "cut off"},
		{"ext below the timestamp", "d4fe00", "extension type"},
		{"timestamp of 4 bytes", "d6ff00000001", ""},
		{"timestamp of 8 bytes", "d7ff" + "ee6b27fc00000005", ""},
		{"timestamp of 8 bytes, a second of nanoseconds", "d7ff" + "ee6b280000000005", "extension type"},
		{"timestamp of 12 bytes", "c70cff" + "3b9ac9ff" + "fffffffffffffff9", ""},
		{"timestamp of 12 bytes, a second of nanoseconds", "c70cff" + "3b9aca00" + "fffffffffffffff9", "extension type"},
		{"timestamp of 1 byte", "d4ff00", "extension type"},
		{"timestamp of 5 bytes", "c705ff0000000000", "extension type"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, err := hex.DecodeString(row.hex)
			require.NoError(t, err)
			err = checkValue(b, maxDataDepth)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestCheckValueBoundsNesting(t *testing.T) {
	arrays := func(n int) []byte { return []byte(strings.Repeat("\x91", n) + "\xc0") }
	maps := func(n int) []byte { return []byte(strings.Repeat("\x81\xa1k", n) + "\xc0") }
	for _, nest := range []func(int) []byte{arrays, maps} {
		require.NoError(t, checkValue(nest(maxDataDepth), maxDataDepth))
		require.ErrorContains(t, checkValue(nest(maxDataDepth+1), maxDataDepth), "nested too deep")
		require.ErrorContains(t, checkValue(nest(1<<20), maxDataDepth), "nested too deep")
	}
	// An empty container is a level too.
	require.NoError(t, checkValue([]byte("\x91\x90"), 2))
	require.Error(t, checkValue([]byte("\x91\x90"), 1))
	require.NoError(t, checkValue([]byte("\x81\xa1k\x80"), 2))
	require.Error(t, checkValue([]byte("\x81\xa1k\x80"), 1))
}

// Every length of text at every distance from the end of the buffer, with a
// byte that is not ASCII, or not UTF-8, at every place.
func TestCheckValueLooksAtEveryByteOfText(t *testing.T) {
	for size := range 70 {
		for behind := range 9 {
			value := appendText([]byte{0x90 | byte(behind+1)}, strings.Repeat("x", size))
			text := len(value) - size
			value = append(value, strings.Repeat("\xe0", behind)...) // fixints with the high bit
			require.NoError(t, checkValue(value, maxDataDepth))
			for i := range size {
				value[text+i] = 0x80
				require.ErrorContains(t, checkValue(value, maxDataDepth), "not valid UTF-8 at byte 1", "size %d, byte %d", size, i)
				value[text+i] = 'x'
			}
			for i := range size - 1 {
				copy(value[text+i:], "é")
				require.NoError(t, checkValue(value, maxDataDepth), "size %d, byte %d", size, i)
				copy(value[text+i:], "xx")
			}
		}
	}
}

// What is appended in its smallest form is read back as it was.
func TestNumbersRoundTrip(t *testing.T) {
	var ints []int64
	for shift := range 64 {
		for d := int64(-2); d <= 2; d++ {
			ints = append(ints, int64(1)<<shift+d, -(int64(1)<<shift)+d)
		}
	}
	sizeOf := func(n int64) int {
		switch {
		case n >= -32 && n <= 127:
			return 1
		case n >= math.MinInt8 && n <= math.MaxUint8:
			return 2
		case n >= math.MinInt16 && n <= math.MaxUint16:
			return 3
		case n >= math.MinInt32 && n <= math.MaxUint32:
			return 5
		}
		return 9
	}
	for _, n := range ints {
		b := appendInt(nil, n)
		require.Len(t, b, sizeOf(n), "%d", n)
		require.NoError(t, checkValue(b, 0))
		got, ok := readInt(b)
		require.True(t, ok)
		require.Equal(t, n, got)

		u, ok := readUint(b)
		require.Equal(t, n >= 0, ok)
		if ok {
			require.Equal(t, uint64(n), u)
		}
	}
	big := appendUint(nil, math.MaxUint64)
	u, ok := readUint(big)
	require.True(t, ok)
	require.Equal(t, uint64(math.MaxUint64), u)
	_, ok = readInt(big)
	require.False(t, ok)
}

func TestContainersRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, math.MaxUint16, math.MaxUint16 + 1, math.MaxInt32} {
		for _, isMap := range []bool{true, false} {
			header := appendArrayHeader
			if isMap {
				header = appendMapHeader
			}
			got, gotMap, rest, ok := splitContainer(append(header(nil, n), 0x01))
			require.True(t, ok)
			require.Equal(t, n, got)
			require.Equal(t, isMap, gotMap)
			require.Equal(t, []byte{0x01}, rest)
		}
	}
	for _, n := range []int{0, 31, 32, 255, 256, math.MaxUint16, math.MaxUint16 + 1} {
		want := strings.Repeat("s", n)
		content, isText, rest, ok := splitBytes(append(appendText(nil, want), 0x01))
		require.True(t, ok)
		require.True(t, isText)
		require.Equal(t, want, string(content))
		require.Equal(t, []byte{0x01}, rest)
	}
}
