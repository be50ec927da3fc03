package socket

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

// addGoldenBodies seeds a fuzz target with all bodies of the vectors.
func addGoldenBodies(f *testing.F) {
	golden := loadGolden(f)
	for _, g := range golden.Frames {
		if g.Hex != "" {
			f.Add(g.bytes(f)[lengthSize:])
		}
	}
	for _, g := range golden.Malformed {
		if frame := g.bytes(f); len(frame) > lengthSize {
			f.Add(frame[lengthSize:])
		}
	}
	f.Add(bodyOf(append(goodKeys(), bodyKey{"\xa7unicast", "\xc3"})...))
	f.Add(bodyOf(append(goodKeys(), bodyKey{"\xa8retained", "\xc3"})...))
}

// parseGeneral is parseEnvelope without its short way.
func parseGeneral(body []byte, e *envelope) error {
	f, err := collectFields(body)
	if err != nil {
		return err
	}
	return e.fromFields(&f)
}

// Whatever the bytes: the short way and the general one agree, what is taken
// is well-formed by another's judgement too, and data goes through unchanged.
func FuzzParseBody(f *testing.F) {
	addGoldenBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var short, general envelope
		err := parseGeneral(body, &general)
		if p, ok := scanCanonical(body); ok {
			short.set(body, &p)
			require.NoError(t, err)
			require.Equal(t, general, short)
		}

		var env envelope
		var ctl control
		isControl, bodyErr := parseBody(body, &env, &ctl, nil)
		if err != nil {
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorIs(t, parseEnvelope(body, &env), ErrBadMessage)
			if bodyErr != nil {
				require.ErrorIs(t, bodyErr, ErrBadMessage)
				require.False(t, isControl)
			} else {
				require.True(t, isControl)
			}
			return
		}
		require.NoError(t, bodyErr)
		require.False(t, isControl)
		require.Equal(t, general, env)

		// Borrowed from the body, not beyond.
		require.True(t, bytes.Contains(body, env.data))
		var decoded map[string]any
		if err := msgpack.Unmarshal(body, &decoded); err == nil {
			require.Contains(t, decoded, "data")
		}

		env.retained = env.retained && !env.unicast // one is written
		again := appendEnvelope(nil, &env)
		var back envelope
		_, canonical := scanCanonical(again)
		require.True(t, canonical || env.timestampMs <= math.MaxUint32 || len(env.eventName) > 255 || len(env.timestampISO) > 255)
		require.NoError(t, parseEnvelope(again, &back))
		require.Equal(t, env, back)

		m := env.message()
		frame, err := newEncoder("progress", nil, 1<<30).appendFrame(nil, &m, extraNone)
		require.NoError(t, err)
		require.Equal(t, env.messageType, frameType(frame))
		require.NoError(t, parseEnvelope(frame[lengthSize:], &back))
		require.Equal(t, env.data, back.data)
	})
}

// A control frame that is taken is written and read as the same.
func FuzzControl(f *testing.F) {
	for _, c := range controls() {
		f.Add(c.appendFrame(nil)[lengthSize:])
	}
	addGoldenBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var c control
		isControl, err := parseBody(body, new(envelope), &c, nil)
		if !isControl || err != nil || c.kind == controlUnknown {
			return
		}
		want := onlyFieldsOf(c)
		var got control
		isControl, err = parseBody(c.appendFrame(nil)[lengthSize:], new(envelope), &got, nil)
		require.NoError(t, err)
		require.True(t, isControl)
		if c.info != nil { // what was read in few bytes may be longer as it is written
			require.LessOrEqual(t, len(got.info.Clients), len(want.info.Clients))
			want.info.Clients = want.info.Clients[:len(got.info.Clients)]
		}
		require.Equal(t, want, got)
	})
}

// onlyFieldsOf drops what came with a kind that does not write it: a ping may
// bring a name.
func onlyFieldsOf(c control) control {
	kept := control{kind: c.kind}
	switch c.kind {
	case controlHello:
		kept = c
		kept.types &^= otherTypes
		kept.missed, kept.from, kept.to, kept.maxMessageSize, kept.heartbeatMs, kept.reason, kept.text = 0, 0, 0, 0, 0, 0, ""
		kept.proof = nil
		if !c.hasResume {
			kept.epoch, kept.seq = 0, 0
		}
	case controlWelcome:
		kept.version, kept.epoch, kept.seq, kept.pid = c.version, c.epoch, c.seq, c.pid
		kept.maxMessageSize, kept.heartbeatMs = c.maxMessageSize, c.heartbeatMs
	case controlLagged:
		kept.missed, kept.from, kept.to = c.missed, c.from, c.to
	case controlSeq, controlSynced:
		kept.seq = c.seq
	case controlInspect:
		kept.version, kept.name, kept.pid = c.version, c.name, c.pid
	case controlInfo:
		kept.version, kept.info = c.version, c.info
	case controlRefused, controlGoodbye:
		kept.reason, kept.text = c.reason, c.text
	case controlChallenge:
		kept.nonce = c.nonce
	case controlProof:
		kept.proof = c.proof
	}
	return kept
}

// JSON that is taken comes back as the same values, and what we write is
// JSON and MessagePack by others' judgement.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"z":1,"a":[2.5,-0,-0.0,1e300,18446744073709551615,null,true,""],"m":{"é":"\ud83d\ude00\u0000\/"}}`,
		` [ [ ] , { } , [ 1 , [ "]" ] ] ] `, `"\ud800"`, `[1e999]`, `1.0`, "\"\xff\"", `[1,]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := JSONToMsgpack(text)
		if err != nil {
			require.ErrorIs(t, err, ErrBadMessage)
			require.Nil(t, data)
			return
		}
		require.True(t, json.Valid(text))
		require.NoError(t, checkValue(data, maxDataDepth))

		var ours, theirs any
		require.NoError(t, msgpack.Unmarshal(data, &ours))
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&theirs))
		require.Equal(t, normalJSON(theirs), normalJSON(ours))

		back, err := MsgpackToJSON(data)
		require.NoError(t, err)
		require.True(t, json.Valid(back))
		again, err := JSONToMsgpack(back)
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

// Any value is taken or refused by all that read it, and never upsets them;
// its JSON, where it has one, is valid.
func FuzzData(f *testing.F) {
	addGoldenBodies(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if err := Unmarshal(data, &v); err != nil {
			require.ErrorIs(t, err, ErrBadMessage)
		}
		m := Message{Data: data}
		if _, err := newEncoder("progress", nil, 1<<30).appendFrame(nil, &m, extraNone); len(data) > 0 {
			require.Equal(t, checkValue(data, maxDataDepth) == nil, err == nil)
		}
		text, err := MsgpackToJSON(data)
		if err != nil {
			require.ErrorIs(t, err, ErrBadMessage)
			return
		}
		require.True(t, json.Valid(text))
		again, err := JSONToMsgpack(text)
		require.NoError(t, err)
		twice, err := MsgpackToJSON(again)
		require.NoError(t, err)
		require.Equal(t, text, twice)
	})
}

// normalJSON makes values of encoding/json and of msgpack comparable: numbers
// become float64, which is enough beside the exact round trip.
func normalJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f + 0 // -0 is 0 among integers
	case map[string]any:
		for k := range v {
			v[k] = normalJSON(v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = normalJSON(v[i])
		}
		return v
	case nil, bool, string:
		return v
	}
	return normalNumber(v)
}

func normalNumber(v any) float64 {
	switch n := v.(type) {
	case int8:
		return float64(n)
	case int16:
		return float64(n)
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	case uint8:
		return float64(n)
	case uint16:
		return float64(n)
	case uint32:
		return float64(n)
	case uint64:
		return float64(n)
	}
	return v.(float64) + 0
}
