package socket

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

type progress struct {
	Step     string  `msgpack:"step"`
	Progress float64 `msgpack:"progress"`
	Count    uint16  `msgpack:"count,omitempty"`
}

func TestMarshal(t *testing.T) {
	for _, row := range []struct {
		name string
		v    any
		want string
	}{
		{"int in its smallest form", int64(5), "\x05"},
		{"uint32 in its smallest form", uint32(200), "\xcc\xc8"},
		{"float", 1.0, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"text", "é", "\xa2é"},
		{"bytes", []byte{1}, "\xc4\x01\x01"},
		{"sorted keys", map[string]any{"b": 1, "a": map[string]any{"d": nil, "c": true}}, "\x82\xa1a\x82\xa1c\xc3\xa1d\xc0\xa1b\x01"},
		{"struct", progress{Step: "x", Progress: 1}, "\x82\xa4step\xa1x\xa8progress\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"nil", nil, "\xc0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Marshal(row.v)
			require.NoError(t, err)
			require.Equal(t, row.want, string(got))
		})
	}
}

func TestMarshalRefuses(t *testing.T) {
	for _, row := range []struct {
		name string
		v    any
		want string
	}{
		{"int keys", map[int]string{1: "a"}, "cannot encode map[int]string: malformed MessagePack: map key is neither str nor bin at byte 1"},
		{"text that is not UTF-8", "\xff", "not valid UTF-8"},
		{"a channel", make(chan int), "cannot encode chan int"},
		{"a function inside", map[string]any{"f": func() {}}, "cannot encode map[string]interface {}"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Marshal(row.v)
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
			_, err = NewMessage(Data, row.v)
			require.ErrorIs(t, err, ErrBadMessage)
		})
	}
}

func TestUnmarshal(t *testing.T) {
	want := progress{Step: "x", Progress: 12.5, Count: 9}
	m, err := NewMessage(Control, want)
	require.NoError(t, err)
	require.Equal(t, Control, m.Type)
	var got progress
	require.NoError(t, m.Decode(&got))
	require.Equal(t, want, got)

	var anything any
	require.NoError(t, Unmarshal([]byte("\x84\xa1a\xcc\xc8\xa1b\xff\xa1c\xca\x3f\x80\x00\x00\xc4\x01d\x91\xa1x"), &anything))
	require.Equal(t, map[string]any{"a": uint64(200), "b": int64(-1), "c": 1.0, "d": []any{"x"}}, anything)

	var large uint64
	require.NoError(t, Unmarshal(appendUint(nil, math.MaxUint64), &large))
	require.Equal(t, uint64(math.MaxUint64), large)
}

func TestUnmarshalRefuses(t *testing.T) {
	var s string
	for name, data := range map[string]string{
		"nothing": "", "another type": "\x90", "bytes behind": "\xa1a\xc0", "not UTF-8": "\xa1\xff",
		"a length that is not there": "\xdb\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, Unmarshal([]byte(data), &s), ErrBadMessage)
		})
	}
}

func TestMessageWithoutData(t *testing.T) {
	m, err := NewMessage(Data, nil)
	require.NoError(t, err)
	require.Nil(t, m.Data)
	var got map[string]any
	require.NoError(t, m.Decode(&got))
	require.Equal(t, map[string]any{}, got)

	_, err = NewMessage(3, nil)
	require.ErrorIs(t, err, ErrInvalid)
}

func TestMessageType(t *testing.T) {
	for want, text := range map[MessageType]string{Data: "data", Error: "error", Control: "control"} {
		require.Equal(t, text, want.String())
		got, err := ParseMessageType(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, "message_type_7", MessageType(7).String())
	for _, text := range []string{"", "DATA", "message_type_7"} {
		_, err := ParseMessageType(text)
		require.ErrorIs(t, err, ErrInvalid)
	}
}
