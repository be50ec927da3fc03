package socket

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// bodyKey is a key and its value, both MessagePack.
type bodyKey struct{ key, value string }

// The keys of a body that is taken.
func goodKeys() []bodyKey {
	return []bodyKey{
		{keyEventName, "\xa8progress"},
		{keyTimestampMs, "\xcf\x00\x00\x01\x9a\x93\xe7\x04\xab"},
		{keyTimestampISO, "\xb92025-11-17T22:19:42+00:00"},
		{keyMessageType, "\xa5error"},
		{keyData, "\x81\xa1v\x01"},
	}
}

func bodyOf(keys ...bodyKey) []byte {
	body := appendMapHeader(nil, len(keys))
	for _, k := range keys {
		body = append(body, k.key+k.value...)
	}
	return body
}

func goodEnvelope() envelope {
	return envelope{
		eventName: []byte("progress"), timestampMs: 1763417982123, timestampISO: []byte("2025-11-17T22:19:42+00:00"),
		messageType: Error, data: []byte("\x81\xa1v\x01"),
	}
}

func TestParseEnvelopeTakesWhatTheOriginalTook(t *testing.T) {
	with := func(change func(k []bodyKey) []bodyKey) []byte { return bodyOf(change(goodKeys())...) }
	replace := func(i int, value string) []byte {
		return with(func(k []bodyKey) []bodyKey { k[i].value = value; return k })
	}
	add := func(more ...bodyKey) []byte {
		return with(func(k []bodyKey) []bodyKey { return append(k, more...) })
	}
	for _, row := range []struct {
		name string
		body []byte
		edit func(e *envelope)
	}{
		{"as we write it", bodyOf(goodKeys()...), nil},
		{"another order", with(func(k []bodyKey) []bodyKey { k[0], k[4] = k[4], k[0]; return k }), nil},
		{"a long map header", append([]byte("\xde\x00\x05"), bodyOf(goodKeys()...)[1:]...), nil},
		{"a long key", with(func(k []bodyKey) []bodyKey { k[0].key = "\xd9\x0aevent_name"; return k }), nil},
		{"long text", replace(0, "\xda\x00\x08progress"), nil},
		{"text of 8 bits of length", replace(0, "\xd9\x08progress"), nil},
		{"a signed time", replace(1, "\xd3\x00\x00\x01\x9a\x93\xe7\x04\xab"), nil},
		{"a small time", replace(1, "\x05"), func(e *envelope) { e.timestampMs = 5 }},
		{"a time before 1970", replace(1, "\xff"), func(e *envelope) { e.timestampMs = -1 }},
		{"a time with a fraction", replace(1, "\xcb\x40\x16\x00\x00\x00\x00\x00\x00"), func(e *envelope) { e.timestampMs = 5 }},
		{"an empty name", replace(0, "\xa0"), func(e *envelope) { e.eventName = []byte{} }},
		{"a time that is none", replace(2, "\xa9yesterday"), func(e *envelope) { e.timestampISO = []byte("yesterday") }},
		{"nil as data", replace(4, "\xc0"), func(e *envelope) { e.data = []byte{0xc0} }},
		{"an unknown key", add(bodyKey{"\xa5other", "\x93\x01\x02\x80"}), nil},
		{"an unknown key of bytes", add(bodyKey{"\xc4\x04data", "\x01"}), nil},
		{"a key twice: the last counts", add(bodyKey{keyData, "\x02"}), func(e *envelope) { e.data = []byte{2} }},
		{"a bad type before a good one", with(func(k []bodyKey) []bodyKey { return append([]bodyKey{{keyMessageType, "\x01"}}, k...) }), nil},
		{"unicast", add(bodyKey{"\xa7unicast", "\xc3"}), func(e *envelope) { e.unicast = true }},
		{"retained", add(bodyKey{"\xa8retained", "\xc3"}), func(e *envelope) { e.retained = true }},
		{"unicast before the others", with(func(k []bodyKey) []bodyKey { return append([]bodyKey{{"\xa7unicast", "\xc3"}}, k...) }), func(e *envelope) { e.unicast = true }},
		{"not unicast", add(bodyKey{"\xa7unicast", "\xc2"}), nil},
		{"someone else's unicast", add(bodyKey{"\xa7unicast", "\x01"}), nil},
		{"a libsocket key in a message", add(bodyKey{"\xa9libsocket", "\xa4ping"}), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := goodEnvelope()
			if row.edit != nil {
				row.edit(&want)
			}
			var got envelope
			require.NoError(t, parseEnvelope(row.body, &got))
			require.Equal(t, want, got)

			var ctl control
			got = envelope{}
			isControl, err := parseBody(row.body, &got, &ctl, nil)
			require.NoError(t, err)
			require.False(t, isControl)
			require.Equal(t, want, got)
		})
	}
}

func TestParseEnvelopeRefuses(t *testing.T) {
	type bodies = []byte
	replace := func(i int, value string) bodies {
		k := goodKeys()
		k[i].value = value
		return bodyOf(k...)
	}
	without := func(i int) bodies {
		k := goodKeys()
		return bodyOf(append(k[:i], k[i+1:]...)...)
	}
	good := bodyOf(goodKeys()...)
	for _, row := range []struct {
		name string
		body []byte
		want string
	}{
		{"nothing", nil, "cut off"},
		{"no map", []byte{0x05}, "not a map"},
		{"an array", []byte{0x90}, "not a map"},
		{"no keys", []byte{0x80}, "no event_name"},
		{"no event_name", without(0), "no event_name"},
		{"no timestamp_ms", without(1), "no timestamp_ms"},
		{"no timestamp_iso", without(2), "no timestamp_iso"},
		{"no message_type", without(3), "no message_type"},
		{"no data", without(4), "no data"},
		{"event_name of bytes", replace(0, "\xc4\x01p"), "event_name is not a str"},
		{"timestamp_ms as text", replace(1, "\xa15"), "timestamp_ms is not a number"},
		{"timestamp_ms beyond 63 bits", replace(1, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), "timestamp_ms is not a number"},
		{"timestamp_ms not a number", replace(1, string(appendFloat(nil, math.NaN()))), "timestamp_ms is not a number"},
		{"timestamp_ms infinite", replace(1, string(appendFloat(nil, math.Inf(-1)))), "timestamp_ms is not a number"},
		{"timestamp_ms a float beyond 63 bits", replace(1, string(appendFloat(nil, 1<<63))), "timestamp_ms is not a number"},
		{"timestamp_iso nil", replace(2, "\xc0"), "timestamp_iso is not a str"},
		{"message_type unknown", replace(3, "\xa5bogus"), `unknown message_type "bogus"`},
		{"message_type in capitals", replace(3, "\xa4DATA"), `unknown message_type "DATA"`},
		{"message_type of bytes", replace(3, "\xc4\x04data"), "message_type is not a str"},
		{"name not UTF-8", replace(0, "\xa1\xff"), "not valid UTF-8"},
		{"data not UTF-8", replace(4, "\xa1\xff"), "not valid UTF-8"},
		{"data with int keys", replace(4, "\x81\x01\x01"), "neither str nor bin"},
		{"bytes behind the body", append(bodyOf(goodKeys()...), 0xc0), "bytes follow"},
		{"cut off", good[:len(good)-1], "cut off"},
		{"a key more than there are", append([]byte{0x86}, good[1:]...), "cut off"},
		{"a key of bytes in place of ours", append([]byte("\x85\xc4\x0aevent_name"), good[1+len(keyEventName):]...), "no event_name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := parseEnvelope(row.body, new(envelope))
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
			isControl, err := parseBody(row.body, new(envelope), new(control), nil)
			require.ErrorIs(t, err, ErrBadMessage)
			require.False(t, isControl)
		})
	}
}

// What is cut short anywhere is refused, and never read beyond its end.
func TestParseEnvelopeOfEveryPrefix(t *testing.T) {
	for _, body := range [][]byte{
		bodyOf(goodKeys()...),
		progressFrame(t)[lengthSize:],
		bodyOf(append(goodKeys(), bodyKey{"\xa7unicast", "\xc3"})...),
	} {
		for n := range body {
			require.ErrorIs(t, parseEnvelope(body[:n:n], new(envelope)), ErrBadMessage)
		}
	}
}

// The canonical scan is what the hot path relies on: our own frames must not
// fall back.
func TestOwnFramesAreCanonical(t *testing.T) {
	e := newEncoder("progress", nil, 1<<20)
	for _, messageType := range []MessageType{Data, Error, Control} {
		for _, extra := range []frameExtra{extraNone, extraUnicast, extraRetained} {
			frame, err := e.appendFrame(nil, &Message{Type: messageType}, extra)
			require.NoError(t, err)
			p, ok := scanCanonical(frame[lengthSize:])
			require.True(t, ok)
			require.Equal(t, messageType, p.messageType)
			require.Equal(t, extra, p.extra)
		}
	}
}
