package socket

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// progressMessage is what the original's users send most: with the event
// below, a frame of 180 bytes.
func progressMessage(t testing.TB) Message {
	m, err := NewMessage(Data, map[string]any{
		"progress": 33.33,
		"status":   "processing",
		"step":     "Generating effects",
	})
	require.NoError(t, err)
	return m
}

func benchEncoder() *encoder { return newEncoder("wallpaper_progress", nil, 1<<20) }

func progressFrame(t testing.TB) []byte {
	m := progressMessage(t)
	frame, err := benchEncoder().appendFrame(nil, &m, extraNone)
	require.NoError(t, err)
	return frame
}

// The hot path must not allocate: a garbage collection is what every other
// message would wait for.
func TestHotPathDoesNotAllocate(t *testing.T) {
	e, m := benchEncoder(), progressMessage(t)
	frame, err := e.appendFrame(nil, &m, extraUnicast)
	require.NoError(t, err)
	body := progressFrame(t)[lengthSize:]
	var env envelope
	var ctl control
	seen := new(shapes)
	var event Event

	for _, path := range []struct {
		name string
		run  func() error
	}{
		{"encode", func() (err error) { frame, err = e.appendFrame(frame[:0], &m, extraNone); return err }},
		{"encode unicast", func() (err error) { frame, err = e.appendFrame(frame[:0], &m, extraUnicast); return err }},
		{"parse envelope", func() error { return parseEnvelope(body, &env) }},
		{"parse body", func() error { _, err := parseBody(body, &env, &ctl, nil); return err }},
		{"parse body and learn", func() error { _, err := parseBody(body, &env, &ctl, seen); return err }},
		{"parse body like others", func() error { seen.find(body).parts.fill(&event, body); return nil }},
		{"frame type", func() error { frameType(frame); return nil }},
	} {
		t.Run(path.name, func(t *testing.T) {
			var err error
			allocs := testing.AllocsPerRun(1000, func() {
				if e := path.run(); e != nil {
					err = e
				}
			})
			require.NoError(t, err)
			require.Zero(t, allocs)
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	e, m := benchEncoder(), progressMessage(b)
	frame := progressFrame(b)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if frame, err = e.appendFrame(frame[:0], &m, extraNone); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeParallel(b *testing.B) {
	e, m := benchEncoder(), progressMessage(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		frame := make([]byte, 0, 512)
		for pb.Next() {
			frame, _ = e.appendFrame(frame[:0], &m, extraNone)
		}
	})
}

// BenchmarkEncodeGivenTime is the path of a message that is passed on.
func BenchmarkEncodeGivenTime(b *testing.B) {
	e, m := benchEncoder(), progressMessage(b)
	m.TimestampMs, m.TimestampISO = 1763417982123, "2025-11-17T22:19:42.123456+00:00"
	frame := progressFrame(b)
	b.ReportAllocs()
	for b.Loop() {
		frame, _ = e.appendFrame(frame[:0], &m, extraNone)
	}
}

func BenchmarkClock(b *testing.B) {
	for b.Loop() {
		now()
	}
}

func BenchmarkParse(b *testing.B) {
	body := progressFrame(b)[lengthSize:]
	var e envelope
	var c control
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseBody(body, &e, &c, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseLikeOthers is the path of all but the first of a stream.
func BenchmarkParseLikeOthers(b *testing.B) {
	body := progressFrame(b)[lengthSize:]
	seen := new(shapes)
	if _, err := parseBody(body, new(envelope), new(control), seen); err != nil {
		b.Fatal(err)
	}
	var e Event
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		seen.find(body).parts.fill(&e, body)
	}
}

// BenchmarkParseAnyOrder is the general path, for peers that order the keys
// in another way.
func BenchmarkParseAnyOrder(b *testing.B) {
	body := append([]byte(nil), progressFrame(b)[lengthSize:]...)
	body[0] = sixKeys
	body = append(body, "\xa5other\x01"...)
	var e envelope
	b.ReportAllocs()
	for b.Loop() {
		if err := parseEnvelope(body, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckData(b *testing.B) {
	data := progressMessage(b).Data
	b.ReportAllocs()
	for b.Loop() {
		if err := checkValue(data, maxDataDepth); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrameType(b *testing.B) {
	frame := progressFrame(b)
	b.ReportAllocs()
	for b.Loop() {
		frameType(frame)
	}
}
