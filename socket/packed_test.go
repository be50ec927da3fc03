package socket

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

const packedISO = "2025-11-17T22:19:42.123456+00:00"

// row is a message of a document; a map is one too.
type row = []any

func packed(t testing.TB, messages ...any) []byte {
	t.Helper()
	document, err := msgpack.Marshal(messages)
	require.NoError(t, err)
	return document
}

func TestSendPacked(t *testing.T) {
	eachTransport(t, func(t *testing.T, b *bed) {
		s, c := b.serve(), b.dial()
		n, err := s.SendPacked(packed(t,
			map[string]any{"n": 1},
			row{2, -1763417982123, packedISO, map[string]any{"n": 2}},
			row{nil, nil, nil, 3},
			row{0, 1000, nil, nil, "another name"},
			row{1, 0, nil, map[string]any{}, nil, nil, nil},
		))
		require.NoError(t, err)
		require.Equal(t, 5, n)

		m, err := c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, numberOf(t, m))
		require.Equal(t, Data, m.Type)
		require.NotZero(t, m.TimestampMs, "stamped when it is sent")
		m, err = c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, Message{"test", -1763417982123, packedISO, Control, []byte("\x81\xa1n\x02"), ""}, m)
		m, err = c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, []byte{3}, m.Data)
		require.NotZero(t, m.TimestampMs)
		m, err = c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, Message{"another name", 1000, "1970-01-01T00:00:01+00:00", Data, []byte{0xc0}, ""}, m)
		m, err = c.Receive(b.ctx)
		require.NoError(t, err)
		require.Equal(t, Error, m.Type)

		n, err = c.SendPacked(packed(t, map[string]any{"n": 7}, row{1, 5, "", nil, "its own"}))
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, []byte("\x81\xa1n\x07"), nextEvent(b, s, EventMessage).Data)
		require.Equal(t, "its own", string(nextEvent(b, s, EventMessage).EventName))
	})
}

func TestSendPackedToOneAndForLater(t *testing.T) {
	b := newBed(t, Unix)
	b.settings.RetainKeys = 1
	s, c, other := b.serve(), b.dial(), b.dial()
	require.NoError(t, s.WaitClients(b.ctx, 2))
	id := s.Clients()[0].ID
	document := packed(t,
		map[string]any{"n": 1},
		row{0, 0, nil, map[string]any{"n": 2}, nil, uint64(id)},
		row{0, 0, nil, map[string]any{"n": 3}, nil, 0, "key"},
	)
	n, err := s.SendPacked(document)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	clear(document) // nothing of it was kept
	receiveNumbers(b, c, 1, 3)
	receiveNumbers(b, other, 1, 1)
	receiveNumbers(b, other, 3, 3)
	receiveNumbers(b, b.dial(), 3, 3)

	n, err = s.SendPacked(packed(t, map[string]any{}, row{0, 0, nil, nil, nil, 12345}, map[string]any{}))
	require.ErrorIs(t, err, ErrUnknownClient)
	require.Equal(t, 1, n)
}

func TestSendPackedOfNothing(t *testing.T) {
	b := newBed(t, Unix)
	s := b.serve()
	n, err := s.SendPacked([]byte{0x90})
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, s.QueueLen())
}

func TestSendPackedStopsAtWhatIsNoMessage(t *testing.T) {
	good := packed(t, map[string]any{"n": 1})[1:]
	for _, test := range []struct {
		name     string
		document []byte
		sent     int
		says     string
	}{
		{"nothing", nil, 0, "not one array"},
		{"a map", good, 0, "not one array"},
		{"a cut header", []byte{0xdd, 0, 0, 0}, 0, "not one array"},
		{"bytes behind an empty array", []byte{0x90, 0xc0}, 0, "not one array"},
		{"fewer than it says", append([]byte{0x93}, bytes.Repeat(good, 2)...), 2, "neither a map nor a row"},
		{"far fewer than it says", append([]byte{0xdd, 0x7f, 0xff, 0xff, 0xff}, good...), 1, "neither a map nor a row"},
		{"more than it says", append([]byte{0x91}, bytes.Repeat(good, 2)...), 0, "bytes follow the value"},
		{"a number", packed(t, map[string]any{}, 5), 1, "neither a map nor a row"},
		{"a short row", packed(t, row{0, 0, nil}), 0, "row of 4 to 7"},
		{"a long row", packed(t, row{0, 0, nil, nil, nil, nil, nil, nil}), 0, "row of 4 to 7"},
		{"data without an end", []byte{0x92, 0x81, 0xa1, 'n', 0x94, 0, 0}, 0, "data: malformed MessagePack: value is cut off"},
		{"no data", []byte{0x91, 0x94, 0, 0, 0xc0}, 0, "data: value is cut off"},
		{"a type there is not", packed(t, row{3, 0, nil, nil}), 0, "message_type_3"},
		{"a type beyond all", packed(t, row{256, 0, nil, nil}), 0, "type is not an integer"},
		{"a type that is text", packed(t, row{"data", 0, nil, nil}), 0, "type is not an integer"},
		{"a time that is no integer", packed(t, row{0, 1.5, nil, nil}), 0, "timestamp_ms"},
		{"a time beyond all", packed(t, row{0, uint64(1) << 63, nil, nil}), 0, "timestamp_ms"},
		{"an ISO time that is a number", packed(t, row{0, 0, 5, nil}), 0, "timestamp_iso"},
		{"a name with NUL", packed(t, row{0, 0, nil, nil, "a\x00b"}), 0, "event_name"},
		{"a name that is bytes", packed(t, row{0, 0, nil, nil, []byte("ab")}), 0, "event_name"},
		{"a client before all", packed(t, row{0, 0, nil, nil, nil, -1}), 0, "client"},
		{"a key that is none", packed(t, row{0, 0, nil, nil, nil, nil, 1}), 0, "retain_key"},
		{"an element of bad text", []byte{0x91, 0x95, 0, 0, 0xc0, 0xc0, 0xa1, 0xff}, 0, "event_name: malformed"},
		{"data with keys that are numbers", packed(t, map[string]any{}, map[int]int{1: 1}), 1, "key"},
		{"bytes behind a row", append(packed(t, row{0, 0, nil, nil, "x"}), 0xc0), 0, "bytes follow the document"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t, Unix)
			s := b.serve()
			n, err := s.SendPacked(test.document)
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, test.says)
			require.Equal(t, test.sent, n)
			require.Equal(t, test.sent, s.QueueLen())
		})
	}
	b := newBed(t, Unix)
	b.serve()
	c := b.dial()
	for _, r := range []row{{0, 0, nil, nil, nil, 1}, {0, 0, nil, nil, nil, nil, "key"}} {
		n, err := c.SendPacked(packed(t, r))
		require.ErrorIs(t, err, ErrBadMessage)
		require.ErrorContains(t, err, "no client and no retain_key")
		require.Zero(t, n)
	}
}

// Whatever the bytes: what is taken for a message has data that another
// decoder reads too, and no more are taken than there are.
func FuzzSendPacked(f *testing.F) {
	f.Add(packed(f, map[string]any{"n": 1}, row{2, 5, packedISO, map[string]any{"n": 2}, "name", 3, "key"}))
	f.Add(packed(f, row{nil, nil, nil, nil}))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 0x80})
	f.Fuzz(func(t *testing.T, document []byte) {
		enc := newEncoder("test", time.UTC, 1<<20)
		var frame []byte
		taken := 0
		n, err := sendPacked(document, func(m Message, _ ClientID) (err error) {
			frame, err = enc.appendFrame(frame[:0], &m, extraNone)
			if err == nil {
				taken++
				require.NoError(t, checkValue(m.Data, maxDataDepth))
			}
			return err
		})
		require.Equal(t, taken, n)
		require.LessOrEqual(t, n, len(document))
		if err != nil {
			require.ErrorIs(t, err, ErrBadMessage)
			return
		}
		var messages []msgpack.RawMessage
		if msgpack.Unmarshal(document, &messages) == nil {
			require.Len(t, messages, n)
		}
	})
}
