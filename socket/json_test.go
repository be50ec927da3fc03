package socket

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONToMsgpackAndBack(t *testing.T) {
	for _, row := range []struct{ name, json, msgpack string }{
		{"null", `null`, "\xc0"},
		{"true and false", `[true,false]`, "\x92\xc3\xc2"},
		{"integer", `5`, "\x05"},
		{"negative integer", `-129`, "\xd1\xff\x7f"},
		{"largest integer", `18446744073709551615`, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"smallest integer", `-9223372036854775808`, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"float that is whole", `1.0`, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"float", `33.33`, "\xcb\x40\x40\xaa\x3d\x70\xa3\xd7\x0a"},
		{"large float", `1e+308`, "\xcb\x7f\xe1\xcc\xf3\x85\xeb\xc8\xa0"},
		{"smallest float", `5e-324`, "\xcb\x00\x00\x00\x00\x00\x00\x00\x01"},
		{"negative zero", `-0.0`, "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"text", `"é日😀/"`, "\xaaé日😀/"},
		{"escapes", `"\"\\\n\r\t\u0000\u001f"`, "\xa7\"\\\n\r\t\x00\x1f"},
		{"empty text", `""`, "\xa0"},
		{"brackets in text", `{"a[":["]",{"}":","}],"b":1}`, "\x82\xa2a[\x92\xa1]\x81\xa1}\xa1,\xa1b\x01"},
		{"order of keys", `{"z":1,"a":2,"m":3}`, "\x83\xa1z\x01\xa1a\x02\xa1m\x03"},
		{"empty containers", `[{},[],[[]],{"a":{}}]`, "\x94\x80\x90\x91\x90\x81\xa1a\x80"},
		{"a key twice", `{"a":1,"a":2}`, "\x82\xa1a\x01\xa1a\x02"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := JSONToMsgpack([]byte(row.json))
			require.NoError(t, err)
			require.Equal(t, row.msgpack, string(got))
			back, err := MsgpackToJSON(got)
			require.NoError(t, err)
			require.Equal(t, row.json, string(back))
		})
	}
}

func TestJSONToMsgpackReadsAnyForm(t *testing.T) {
	for _, row := range []struct{ name, json, msgpack string }{
		{"space", " { \"a\" :\t[ 1 ,\n2 ] , \"b\" : { } }\r\n", "\x82\xa1a\x92\x01\x02\xa1b\x80"},
		{"escapes", `"\u00e9\ud83d\ude00\b\f\/\u000A"`, "\xaaé😀\b\f/\n"},
		{"an escaped quote before the end", `["\"","\\"]`, "\x92\xa1\"\xa1\\"},
		{"negative zero is an integer", `-0`, "\x00"},
		{"exponent", `[1E2,1e-2]`, "\x92\xcb\x40\x59\x00\x00\x00\x00\x00\x00\xcb\x3f\x84\x7a\xe1\x47\xae\x14\x7b"},
		{"float too small", `1e-400`, "\xcb\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := JSONToMsgpack([]byte(row.json))
			require.NoError(t, err)
			require.Equal(t, row.msgpack, string(got))
		})
	}
}

func TestJSONCountsElements(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 65535, 65536} {
		list := "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]"
		got, err := JSONToMsgpack([]byte(list))
		require.NoError(t, err)
		require.Equal(t, append(appendArrayHeader(nil, n), make([]byte, n)...), got)
		back, err := MsgpackToJSON(got)
		require.NoError(t, err)
		require.Equal(t, list, string(back))
	}
}

func TestJSONToMsgpackRefuses(t *testing.T) {
	for _, row := range []struct{ name, json, want string }{
		{"nothing", ``, "unexpected end of JSON input"},
		{"cut off", `{"a":`, "unexpected end of JSON input"},
		{"a comma too many", `[1,]`, "invalid character ']' looking for beginning of value at byte 3"},
		{"a second value", `1 2`, "invalid character '2' after top-level value at byte 2"},
		{"NaN", `[NaN]`, "at byte 1"},
		{"a leading zero", `01`, "at byte 1"},
		{"single quotes", `['a']`, "at byte 1"},
		{"line feed in text", "[\"\n\"]", "at byte 2"},
		{"integer too large", `[1, 18446744073709551616]`, "integer does not fit 64 bits at byte 4"},
		{"integer too small", `-9223372036854775809`, "integer does not fit 64 bits at byte 0"},
		{"float too large", `[1e999]`, "number is out of range at byte 1"},
		{"text not UTF-8", "[\"a\xff\"]", "not valid UTF-8 at byte 1"},
		{"key not UTF-8", "{\"\xff\": 1}", "not valid UTF-8 at byte 1"},
		{"first half of a pair alone", `["ab\ud83dx"]`, "half of a surrogate pair at byte 4"},
		{"first half at the end", `"\ud83d"`, "half of a surrogate pair at byte 1"},
		{"second half alone", `"\ude00\ud83d"`, "half of a surrogate pair at byte 1"},
		{"two first halves", `"\ud83d\ud83d"`, "half of a surrogate pair at byte 1"},
		{"nested too deep", strings.Repeat("[", maxDataDepth+1) + strings.Repeat("]", maxDataDepth+1), fmt.Sprintf("nested too deep at byte %d", maxDataDepth)},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := JSONToMsgpack([]byte(row.json))
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
			require.Nil(t, got)
		})
	}
	deep := strings.Repeat("[", maxDataDepth) + strings.Repeat("]", maxDataDepth)
	_, err := JSONToMsgpack([]byte(deep))
	require.NoError(t, err)
}

func TestMsgpackToJSON(t *testing.T) {
	for _, row := range []struct{ name, msgpack, json string }{
		{"bytes", "\xc4\x03\x00\xff\x10", `"AP8Q"`},
		{"a key of bytes", "\x81\xc4\x01k\xc0", `{"aw==":null}`},
		{"float32", "\xca\x3d\xcc\xcc\xcd", `0.10000000149011612`},
		{"integers in long forms", "\x92\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xd3\xff\xff\xff\xff\xff\xff\xff\xff", `[1,-1]`},
		{"float that is whole", "\xcb\x44\xb5\x2d\x02\xc7\xe1\x4a\xf6", `1e+23`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := MsgpackToJSON([]byte(row.msgpack))
			require.NoError(t, err)
			require.Equal(t, row.json, string(got))
		})
	}
	for _, row := range []struct{ name, msgpack, want string }{
		{"malformed", "\x92\x01", "cut off at byte 0"},
		{"not a number", "\x91" + string(appendFloat(nil, math.NaN())), "float NaN at byte 1 has no JSON"},
		{"infinity", string(appendFloat(nil, math.Inf(-1))), "float -Inf at byte 0 has no JSON"},
		{"extension", "\x81\xa1k\xd4\x05\x00", "extension type at byte 3 has no JSON"},
		{"timestamp", "\xd6\xff\x00\x00\x00\x00", "extension type at byte 0 has no JSON"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := MsgpackToJSON([]byte(row.msgpack))
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
			require.Nil(t, got)
		})
	}
}
