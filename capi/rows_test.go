package main

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// messageEvent is a message whose data is the empty map.
func messageEvent(name string) socket.Event {
	return socket.Event{
		Kind: socket.EventMessage, Type: socket.Error, Unicast: true, TimestampMs: 1763417982123, Seq: 70000, Client: 300,
		EventName: []byte(name), TimestampISO: []byte("2025-11-17T22:19:42.123456+00:00"), Data: []byte{0x80},
	}
}

func TestRows(t *testing.T) {
	long := strings.Repeat("x", 70000)
	for _, test := range []struct {
		name  string
		event socket.Event
		want  []any
	}{
		{
			"message", messageEvent("own"),
			[]any{uint64(3), uint64(1), int64(1763417982123), "2025-11-17T22:19:42.123456+00:00", map[string]any{}, uint64(300), uint64(70000), uint64(1), nil},
		},
		{
			"message of another name", messageEvent("another name, longer than a fixstr"),
			[]any{uint64(3), uint64(1), int64(1763417982123), "2025-11-17T22:19:42.123456+00:00", map[string]any{}, uint64(300), uint64(70000), uint64(1), "another name, longer than a fixstr"},
		},
		{
			"retained, before 1970",
			socket.Event{Kind: socket.EventMessage, Retained: true, TimestampMs: -3, Data: []byte{0xc0}, EventName: []byte("own")},
			[]any{uint64(3), uint64(0), int64(-3), "", nil, uint64(0), uint64(0), uint64(2), nil},
		},
		{
			"connected",
			socket.Event{Kind: socket.EventConnected, TimestampMs: math.MinInt64, Seq: math.MaxUint64, Count: 200, Client: math.MaxUint32, Text: "me", Address: "/tmp/x",
				Peer: &socket.Peer{PID: 4711, UID: 4294967294, GID: -1}},
			[]any{uint64(1), uint64(0), int64(math.MinInt64), uint64(math.MaxUint64), uint64(200), uint64(math.MaxUint32), "me", "/tmp/x", int64(0),
				int64(4711), int64(4294967294), int64(-1)},
		},
		{
			"log, long text",
			socket.Event{Kind: socket.EventLog, Level: slog.LevelDebug, Text: long},
			[]any{uint64(9), uint64(0), int64(0), uint64(0), uint64(0), uint64(0), long, "", int64(-4)},
		},
		{
			"disconnected, text of 255 and path that is not UTF-8",
			socket.Event{Kind: socket.EventDisconnected, Reason: socket.ReasonTooLarge, Text: long[:255], Address: "/\xff\xfe/a"},
			[]any{uint64(2), uint64(11), int64(0), uint64(0), uint64(0), uint64(0), long[:255], "/\uFFFD/a", int64(0)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			events := []socket.Event{test.event}
			packed := appendRows(nil, events, "own")
			if bound := rowsBound(events); len(packed) > bound {
				t.Errorf("%d bytes, bound %d", len(packed), bound)
			}
			var rows [][]any
			if err := socket.Unmarshal(packed, &rows); err != nil {
				t.Fatal(err)
			}
			if len(rows) != 1 || len(rows[0]) != len(test.want) {
				t.Fatalf("rows %v", rows)
			}
			for i, got := range rows[0] {
				if !sameValue(got, test.want[i]) {
					t.Errorf("element %d is %v (%T), want %v", i, got, got, test.want[i])
				}
			}
		})
	}
}

// sameValue compares numbers by value: a decoder may choose any type.
func sameValue(got, want any) bool {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	switch {
	case !g.IsValid() || !w.IsValid():
		return got == nil && want == nil
	case w.CanUint():
		return g.CanUint() && g.Uint() == w.Uint() || g.CanInt() && g.Int() >= 0 && uint64(g.Int()) == w.Uint()
	case w.CanInt():
		return g.CanInt() && g.Int() == w.Int() || g.CanUint() && w.Int() >= 0 && g.Uint() == uint64(w.Int())
	}
	return reflect.DeepEqual(got, want)
}

func TestRowsOfManyEvents(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, math.MaxUint16, math.MaxUint16 + 1} {
		events := make([]socket.Event, n)
		packed := appendRows(nil, events, "own")
		var rows [][]any
		if err := socket.Unmarshal(packed, &rows); err != nil || len(rows) != n {
			t.Errorf("%d events gave %d rows (%v)", n, len(rows), err)
		}
		if bound := rowsBound(events); len(packed) > bound {
			t.Errorf("%d events: %d bytes, bound %d", n, len(packed), bound)
		}
	}
}

// What is not negative is never longer than it has to be.
func TestIntegersAreCompact(t *testing.T) {
	for value, size := range map[int64]int{
		0: 1, 127: 1, 128: 2, 255: 2, 256: 3, 65535: 3, 65536: 5, math.MaxUint32: 5, math.MaxUint32 + 1: 9, -1: 1, -32: 1,
	} {
		if got := len(appendInt(nil, value)); got != size {
			t.Errorf("%d takes %d bytes, want %d", value, got, size)
		}
	}
}
