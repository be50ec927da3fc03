package socket

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// parseFrame checks a frame's length and reads its body.
func parseFrame(t testing.TB, frame []byte) envelope {
	t.Helper()
	require.Equal(t, len(frame)-lengthSize, int(binary.BigEndian.Uint32(frame)))
	var e envelope
	require.NoError(t, parseEnvelope(frame[lengthSize:], &e))
	return e
}

func TestEncoderFillsIn(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	e := newEncoder("progress", berlin, 1<<20)
	const iso = "2025-11-17T22:19:42.123456+00:00"

	for _, row := range []struct {
		name string
		m    Message
		want Message
	}{
		{"the ISO time", Message{TimestampMs: 1763417982123},
			Message{EventName: "progress", TimestampMs: 1763417982123, TimestampISO: "2025-11-17T23:19:42.123000+01:00", Data: emptyMap}},
		{"no time beside a given one", Message{TimestampISO: iso},
			Message{EventName: "progress", TimestampISO: iso, Data: emptyMap}},
		{"nothing that is given", Message{EventName: "é any", TimestampMs: -1, TimestampISO: "yesterday", Type: Error, Data: []byte{0xc0}},
			Message{EventName: "é any", TimestampMs: -1, TimestampISO: "yesterday", Type: Error, Data: []byte{0xc0}}},
		{"an empty map", Message{TimestampISO: iso, Data: []byte{}},
			Message{EventName: "progress", TimestampISO: iso, Data: emptyMap}},
	} {
		t.Run(row.name, func(t *testing.T) {
			frame, err := e.appendFrame([]byte("kept"), &row.m, extraNone)
			require.NoError(t, err)
			require.Equal(t, "kept", string(frame[:4]))
			env := parseFrame(t, frame[4:])
			require.Equal(t, row.want, env.message())
		})
	}
}

// Both times are the same moment: now, also when the second changes between
// messages.
func TestEncoderStampsNow(t *testing.T) {
	zone := time.FixedZone("", -3*3600)
	e := newEncoder("progress", zone, 1<<20)
	for i := range 4 {
		for _, event := range []string{"", "progress", "another"} {
			if i > 1 { // a head of another second
				e.nextHead(Data, time.Now().Unix()-5)
			}
			before := time.Now().Truncate(time.Microsecond)
			frame, err := e.appendFrame(nil, &Message{EventName: event}, extraNone)
			after := time.Now()
			require.NoError(t, err)
			env := parseFrame(t, frame)

			stamped, err := time.Parse(time.RFC3339Nano, string(env.timestampISO))
			require.NoError(t, err)
			require.False(t, stamped.Before(before) || stamped.After(after), "%s between %s and %s", stamped, before, after)
			require.Equal(t, stamped.UnixMilli(), env.timestampMs)
			require.True(t, strings.HasSuffix(string(env.timestampISO), "-03:00"))
		}
	}
}

// The prepared head is what encoding from scratch would give, whatever the
// second before was.
func TestPreparedHead(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	for _, loc := range []*time.Location{nil, paris, time.FixedZone("", -12345)} {
		e := newEncoder("progress", loc, 1<<20)
		for _, second := range []int64{1763417982, 1763417982, 1763417983, 1774746000, 1774745999, 1<<32/1000 + 1} {
			for _, micros := range []int{1, 999, 1000, 123456, 999999} {
				for _, messageType := range []MessageType{Data, Error, Control} {
					iso := string(appendISO(nil, second, micros, loc))
					want := appendFields([]byte("kept\x00\x00\x00\xff"), fiveKeys, "progress", second*1000+int64(micros/1000), iso)
					want = append(append(want, typeAndDataKey[messageType]...), 0xc0)
					want[len("kept")+lengthSize-1] = byte(len(want) - len("kept") - lengthSize)
					d := draft{data: []byte{0xc0}}
					e.draftOwnHead(&d, messageType, second, micros)
					require.Equal(t, string(want), string(d.appendFrame([]byte("kept"))))
				}
			}
		}
	}
}

func TestEncoderRefuses(t *testing.T) {
	e := newEncoder("progress", nil, 1024)
	for _, row := range []struct {
		name string
		m    Message
		want string
	}{
		{"a type that is none", Message{Type: 3}, "message_type_3 is not a message type"},
		{"an event name that is not UTF-8", Message{EventName: "\xff"}, "event_name"},
		{"an ISO time that is not UTF-8", Message{TimestampISO: "\xff"}, "timestamp_iso"},
		{"a time without ISO form", Message{TimestampMs: 1 << 62}, "timestamp_ms 4611686018427387904 is outside the years 1 to 9999"},
		{"data that is cut off", Message{Data: []byte{0x91}}, "data: malformed MessagePack: value is cut off at byte 0"},
		{"data with bytes behind it", Message{Data: []byte{0xc0, 0xc0}}, "data: malformed MessagePack: bytes follow the value at byte 1"},
		{"data with int keys", Message{Data: []byte{0x81, 0x01, 0x01}}, "map key is neither str nor bin at byte 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			kept := []byte("kept")
			got, err := e.appendFrame(kept, &row.m, extraNone)
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
			require.Equal(t, kept, got)
		})
	}
}

// The bound is on the body, as the peer sees it.
func TestEncoderBoundsSize(t *testing.T) {
	const limit = 1024
	e := newEncoder("progress", nil, limit)
	sized := func(data int) *Message {
		return &Message{
			TimestampMs: 1763417982123, TimestampISO: "2025-11-17T22:19:42.123456+00:00",
			Data: appendText(nil, strings.Repeat("x", data-3)),
		}
	}
	empty, err := e.appendFrame(nil, sized(300), extraNone)
	require.NoError(t, err)
	room := limit - (len(empty) - lengthSize) + 300
	require.Len(t, sized(room).Data, room)

	frame, err := e.appendFrame(nil, sized(room), extraNone)
	require.NoError(t, err)
	require.Len(t, frame, lengthSize+limit)

	_, err = e.appendFrame(nil, sized(room+1), extraNone)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "message of 1025 bytes is larger than max_message_size = 1024")

	unicast := len(extraKeys[extraUnicast])
	_, err = e.appendFrame(nil, sized(room-unicast), extraUnicast)
	require.NoError(t, err)
	_, err = e.appendFrame(nil, sized(room-unicast+1), extraUnicast)
	require.ErrorIs(t, err, ErrTooLarge)

	// What is retained fits with the key it is given then.
	retained := len(extraKeys[extraRetained])
	m := sized(room - retained)
	m.RetainKey = "k"
	frame, err = e.appendFrame(nil, m, extraNone)
	require.NoError(t, err)
	require.Len(t, addExtra(frame, extraRetained), lengthSize+limit)
	m = sized(room - retained + 1)
	m.RetainKey = "k"
	_, err = e.appendFrame(nil, m, extraNone)
	require.ErrorIs(t, err, ErrTooLarge)
}

func TestExtras(t *testing.T) {
	e := newEncoder("progress", nil, 1<<20)
	for _, messageType := range []MessageType{Data, Error, Control} {
		m := Message{Type: messageType, TimestampMs: 1763417982123, Data: []byte("\x81\xa1k\xa1v")}
		plain, err := e.appendFrame(nil, &m, extraNone)
		require.NoError(t, err)
		require.Equal(t, messageType, frameType(plain))
		kept := append([]byte(nil), plain...)

		for _, extra := range []frameExtra{extraUnicast, extraRetained} {
			direct, err := e.appendFrame(nil, &m, extra)
			require.NoError(t, err)
			require.Equal(t, direct, addExtra(plain, extra))
			require.Equal(t, kept, plain, "addExtra makes a copy")
			require.Equal(t, messageType, frameType(direct))

			env := parseFrame(t, direct)
			require.Equal(t, extra == extraUnicast, env.unicast)
			require.Equal(t, extra == extraRetained, env.retained)
			require.Equal(t, direct[lengthSize:], appendEnvelope(nil, &env))
		}
	}
}

// frameType finds the type behind an event name and times of any length.
func TestFrameTypeOfAnyFrame(t *testing.T) {
	e := newEncoder("progress", nil, 1<<20)
	for _, size := range []int{1, 31, 32, 255, 256, 70000} {
		m := Message{EventName: strings.Repeat("e", size), TimestampISO: strings.Repeat("t", size), TimestampMs: int64(size), Type: Control}
		frame, err := e.appendFrame(nil, &m, extraNone)
		require.NoError(t, err)
		require.Equal(t, Control, frameType(frame))
		require.Equal(t, int64(size), parseFrame(t, frame).timestampMs)
	}
}

func TestEncoderIsForManyGoroutines(t *testing.T) {
	e := newEncoder("progress", nil, 1<<20)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			var frame []byte
			data := appendInt(nil, int64(worker))
			for i := range 2000 {
				if i%100 == 0 { // every goroutine finds the second over
					e.nextHead(Data, int64(worker))
				}
				var err error
				frame, err = e.appendFrame(frame[:0], &Message{Data: data}, extraNone)
				var env envelope
				if err != nil || parseEnvelope(frame[lengthSize:], &env) != nil || string(env.data) != string(data) {
					t.Errorf("goroutine %d: frame %q, error %v", worker, frame, err)
					return
				}
			}
		})
	}
	all.Wait()
}
