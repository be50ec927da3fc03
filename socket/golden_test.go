package socket

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

// The golden vectors are what the original module wrote, and what it did with
// malformed input.
type goldenVectors struct {
	Frames       []goldenFrame     `json:"frames"`
	Malformed    []malformedFrame  `json:"malformed"`
	EncodeErrors []goldenEncodeErr `json:"encode_errors"`
}

type goldenFrame struct {
	goldenBytes
	Message struct {
		EventName    string      `json:"event_name"`
		TimestampMs  int64       `json:"timestamp_ms"`
		TimestampISO string      `json:"timestamp_iso"`
		MessageType  string      `json:"message_type"`
		Data         goldenValue `json:"data"`
	} `json:"message"`
	DecodeServer string `json:"decode_server"`
}

type malformedFrame struct {
	goldenBytes
	Original struct {
		Server struct {
			Messages []struct {
				EventName   string `json:"event_name"`
				TimestampMs string `json:"timestamp_ms"`
				MessageType string `json:"message_type"`
			} `json:"messages"`
		} `json:"server_unix"`
	} `json:"what_the_original_does"`
}

type goldenEncodeErr struct {
	Name  string `json:"name"`
	Packb string `json:"packb"`
}

// goldenBytes is a frame in full or, when it is long, what identifies it.
type goldenBytes struct {
	Name   string `json:"name"`
	Hex    string `json:"frame_hex"`
	Head   string `json:"frame_hex_head"`
	Tail   string `json:"frame_hex_tail"`
	Length int    `json:"frame_len"`
	SHA256 string `json:"sha256"`
}

func (g *goldenBytes) requireEqual(t *testing.T, frame []byte) {
	t.Helper()
	if g.Hex != "" {
		require.Equal(t, g.Hex, hex.EncodeToString(frame))
		return
	}
	require.Len(t, frame, g.Length)
	require.Equal(t, g.Head, hex.EncodeToString(frame[:len(g.Head)/2]))
	require.Equal(t, g.Tail, hex.EncodeToString(frame[len(frame)-len(g.Tail)/2:]))
	sum := sha256.Sum256(frame)
	require.Equal(t, g.SHA256, hex.EncodeToString(sum[:]))
}

// goldenValue is a value with its type: {"t": "int", "v": "1"}.
type goldenValue struct {
	Type    string          `json:"t"`
	Value   json.RawMessage `json:"v"`
	Bits    string          `json:"bits"`
	Repeat  json.RawMessage `json:"repeat"`
	Rule    string          `json:"rule"`
	N       int             `json:"n"`
	Seconds int64           `json:"s"`
	Nanos   int64           `json:"ns"`
}

// orderedMap is a map whose order Marshal has to keep.
type orderedMap [][2]any

func (m orderedMap) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeMapLen(len(m)); err != nil {
		return err
	}
	for _, pair := range m {
		if err := enc.EncodeMulti(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// toGo returns the Go value that stands for a golden one.
func (g *goldenValue) toGo(t testing.TB) any {
	switch g.Type {
	case "nil":
		return nil
	case "bool":
		return into[bool](t, g.Value)
	case "int":
		text := into[string](t, g.Value)
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		return n
	case "float":
		bits, err := strconv.ParseUint(g.Bits, 16, 64)
		require.NoError(t, err)
		return math.Float64frombits(bits)
	case "str":
		if g.Repeat != nil {
			return string(bytes.Repeat([]byte(into[string](t, g.Repeat)), g.N))
		}
		return into[string](t, g.Value)
	case "timestamp":
		return time.Unix(g.Seconds, g.Nanos)
	case "bin":
		return g.toBytes(t)
	case "list":
		return g.toSlice(t)
	case "map":
		return g.toMap(t)
	}
	require.FailNow(t, "unknown golden type", g.Type)
	return nil
}

func (g *goldenValue) toBytes(t testing.TB) []byte {
	if g.Rule == "" {
		b, err := hex.DecodeString(into[string](t, g.Value))
		require.NoError(t, err)
		return b
	}
	require.Equal(t, "byte i = (i*7+3) mod 256", g.Rule)
	b := make([]byte, g.N)
	for i := range b {
		b[i] = byte(i*7 + 3)
	}
	return b
}

func (g *goldenValue) toSlice(t testing.TB) []any {
	list := []any{}
	if g.Repeat != nil {
		item := into[goldenValue](t, g.Repeat)
		for range g.N {
			list = append(list, item.toGo(t))
		}
		return list
	}
	for _, item := range into[[]goldenValue](t, g.Value) {
		list = append(list, item.toGo(t))
	}
	return list
}

func (g *goldenValue) toMap(t testing.TB) orderedMap {
	m := orderedMap{}
	if g.Rule != "" {
		require.Equal(t, "for i in 0..n-1: key 'k'+decimal(i) -> int i", g.Rule)
		for i := range g.N {
			m = append(m, [2]any{fmt.Sprintf("k%d", i), i})
		}
		return m
	}
	for _, pair := range into[[][2]goldenValue](t, g.Value) {
		m = append(m, [2]any{pair[0].toGo(t), pair[1].toGo(t)})
	}
	return m
}

func into[T any](t testing.TB, raw json.RawMessage) (v T) {
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func loadGolden(t testing.TB) goldenVectors {
	text, err := os.ReadFile("testdata/frames.json")
	require.NoError(t, err)
	golden := into[goldenVectors](t, text)
	require.NotEmpty(t, golden.Frames)
	require.NotEmpty(t, golden.Malformed)
	require.NotEmpty(t, golden.EncodeErrors)
	return golden
}

// What the original wrote and its receivers took is what we write for the
// same message, and what we read back.
func TestGoldenFrames(t *testing.T) {
	// The original sent these and no receiver took them; we refuse to send.
	refused := map[string]bool{"int_keys": true, "float_key": true}

	e := newEncoder("unused", nil, 1<<20)
	for _, g := range loadGolden(t).Frames {
		t.Run(g.Name, func(t *testing.T) {
			require.Equal(t, refused[g.Name], g.DecodeServer != "ok")
			value := g.Message.Data.toGo(t)
			if g.Name == "ext" { // recorded as the list that Python's ExtType is
				value = orderedMap{{"v", msgpack.RawMessage("\xd5\x05ab")}}
			}
			data, err := Marshal(value)
			if refused[g.Name] {
				require.ErrorIs(t, err, ErrBadMessage)
				body := g.bytes(t)[lengthSize:]
				require.ErrorIs(t, parseEnvelope(body, new(envelope)), ErrBadMessage)
				return
			}
			require.NoError(t, err)
			messageType, err := ParseMessageType(g.Message.MessageType)
			require.NoError(t, err)
			m := Message{
				EventName:    g.Message.EventName,
				TimestampMs:  g.Message.TimestampMs,
				TimestampISO: g.Message.TimestampISO,
				Type:         messageType,
				Data:         data,
			}
			frame, err := e.appendFrame(nil, &m, extraNone)
			require.NoError(t, err)
			g.requireEqual(t, frame)
			require.Equal(t, messageType, frameType(frame))

			var env envelope
			require.NoError(t, parseEnvelope(frame[lengthSize:], &env))
			require.Equal(t, m, env.message())
			require.Equal(t, frame[lengthSize:], appendEnvelope(nil, &env))
		})
	}
}

func (g *goldenBytes) bytes(t testing.TB) []byte {
	frame, err := hex.DecodeString(g.Hex)
	require.NoError(t, err)
	return frame
}

func (e *envelope) message() Message {
	return Message{
		EventName:    string(e.eventName),
		TimestampMs:  e.timestampMs,
		TimestampISO: string(e.timestampISO),
		Type:         e.messageType,
		Data:         e.data,
	}
}

// A body that the original took is taken, one that it dropped is refused.
func TestGoldenMalformed(t *testing.T) {
	// Not a whole frame, or none at all: the reader of frames judges them.
	framing := map[string]bool{
		"len_only_then_close": true, "two_header_bytes_then_close": true, "zero_length": true,
		"huge_length_then_nothing": true, "json_line_no_prefix": true, "http_get": true,
	}
	// The original handed these to the program with values of any type; we
	// refuse them, so that a message's fields are what they are declared as.
	stricter := map[string]bool{
		"event_name_int": true, "event_name_nil": true, "timestamp_ms_str": true, "timestamp_iso_int": true,
	}
	golden := loadGolden(t)
	for _, g := range golden.Malformed {
		if framing[g.Name] {
			continue
		}
		t.Run(g.Name, func(t *testing.T) {
			frame := deepFrame(t, golden, 10000)
			if g.Name != "depth_10000" {
				frame = g.bytes(t)
			}
			var taken []envelope
			for len(frame) > 0 {
				n := lengthSize + int(binary.BigEndian.Uint32(frame))
				var env envelope
				var ctl control
				isControl, err := parseBody(frame[lengthSize:n], &env, &ctl, nil)
				require.False(t, isControl)
				if err == nil {
					taken = append(taken, env)
				} else {
					require.ErrorIs(t, err, ErrBadMessage)
				}
				frame = frame[n:]
			}
			want := g.Original.Server.Messages
			if stricter[g.Name] {
				require.Len(t, want, 1)
				require.Empty(t, taken)
				return
			}
			require.Len(t, taken, len(want))
			for i, m := range want {
				require.Equal(t, m.EventName, "'"+string(taken[i].eventName)+"'")
				require.Equal(t, m.TimestampMs, strconv.FormatInt(taken[i].timestampMs, 10))
				require.Equal(t, m.MessageType, taken[i].messageType.String())
			}
		})
	}
}

// deepFrame makes the frame of the vector depth_n, whose rule is that n
// arrays of one element are around a nil.
func deepFrame(t testing.TB, golden goldenVectors, n int) []byte {
	var template, want *goldenBytes
	for i, g := range golden.Malformed {
		switch g.Name {
		case "depth_500":
			template = &golden.Malformed[i].goldenBytes
		case fmt.Sprintf("depth_%d", n):
			want = &golden.Malformed[i].goldenBytes
		}
	}
	frame := bytes.TrimRight(template.bytes(t), "\x91\xc0")
	frame = append(append(frame, bytes.Repeat([]byte{0x91}, n)...), 0xc0)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-lengthSize))
	sum := sha256.Sum256(frame)
	require.Equal(t, want.SHA256, hex.EncodeToString(sum[:]))
	return frame
}

// What the original could not encode: the same for Go's values.
func TestGoldenEncodeErrors(t *testing.T) {
	marshal := func(v any) func() error {
		return func() error { _, err := Marshal(map[string]any{"v": v}); return err }
	}
	fromJSON := func(text string) func() error {
		return func() error { _, err := JSONToMsgpack([]byte(text)); return err }
	}
	deepList := func(depth int) func() error {
		var v any
		for range depth {
			v = []any{v}
		}
		return marshal(v)
	}
	type row struct {
		encode func() error
		ok     bool
	}
	rows := map[string]row{
		// Go has no such integers; JSON does.
		"int_2**64":      {encode: fromJSON(`{"v": 18446744073709551616}`)},
		"int_-2**63-1":   {encode: fromJSON(`{"v": -9223372036854775809}`)},
		"lone_surrogate": {encode: marshal("\xed\xa0\x80")},
		"set":            {encode: marshal(map[int]struct{}{1: {}})},
		"path":           {encode: marshal(make(chan int))},
		"object":         {encode: marshal(func() {})},
		// A time is a MessagePack timestamp in Go, which the original reads.
		"datetime": {encode: marshal(time.Unix(1763417982, 123)), ok: true},
	}
	// The original wrote 509 levels at most and reads 1023; so do we both.
	for depth := 505; depth <= 512; depth++ {
		rows[fmt.Sprintf("list_depth_%d_below_data.v", depth)] = row{deepList(depth), true}
	}
	for _, g := range loadGolden(t).EncodeErrors {
		t.Run(g.Name, func(t *testing.T) {
			r, known := rows[g.Name]
			require.True(t, known)
			if g.Packb == "ok" || r.ok {
				require.NoError(t, r.encode())
			} else {
				require.ErrorIs(t, r.encode(), ErrBadMessage)
			}
		})
	}
	require.NoError(t, deepList(maxDataDepth-1)())
	require.ErrorIs(t, deepList(maxDataDepth)(), ErrBadMessage)
}
