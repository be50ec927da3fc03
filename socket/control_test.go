package socket

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// controls has one of every kind, and hello in its forms.
func controls() []control {
	return []control{
		{kind: controlHello, version: wireVersion, name: "viewer", pid: 4711},
		{kind: controlHello, version: wireVersion, name: "", types: newTypeSet([]MessageType{Error, Control})},
		{kind: controlHello, version: 2, name: "é", pid: 1, types: newTypeSet([]MessageType{Data}), hasResume: true, epoch: math.MaxUint64, seq: 7},
		{kind: controlWelcome, version: wireVersion, epoch: 1 << 63, seq: 1, pid: 12, maxMessageSize: 16 << 20, heartbeatMs: 15000},
		{kind: controlLagged, missed: 3, from: 5, to: 7},
		{kind: controlLagged, missed: 1, from: 0, to: math.MaxUint64},
		{kind: controlSeq, seq: 99},
		{kind: controlSynced, seq: 100},
		{kind: controlRefused, reason: ReasonNotAllowed, text: "this server takes no messages"},
		{kind: controlGoodbye, reason: ReasonStopped, text: ""},
		{kind: controlPing},
		{kind: controlPong},
		{kind: controlInspect, version: wireVersion, name: "monitor", pid: 4711},
		{kind: controlInfo, version: wireVersion, info: pageInfo(math.MaxUint64)},
		{kind: controlInfo, version: 2, info: &ServerInfo{State: StateLive, Event: "test", Address: "127.0.0.1:9000", UID: -1, Clients: []ClientInfo{
			{ID: math.MaxUint64, ConnectedAt: math.MinInt64, Address: "127.0.0.1:40000", Backlog: math.MaxUint64, UID: -1, GID: -1},
			{ID: 1, Address: "[::1]:40000", Name: "é"},
		}}},
		{kind: controlHello, version: wireVersion, name: "viewer", nonce: newNonce()},
		{kind: controlChallenge, nonce: newNonce()},
		{kind: controlProof, proof: newNonce()},
	}
}

// parseControl reads a body that must be a control frame.
func parseControl(t testing.TB, body []byte) control {
	t.Helper()
	var c control
	isControl, err := parseBody(body, new(envelope), &c, nil)
	require.NoError(t, err)
	require.True(t, isControl)
	return c
}

func TestControlRoundTrip(t *testing.T) {
	for _, want := range controls() {
		t.Run(want.kind.String(), func(t *testing.T) {
			frame := want.appendFrame([]byte("kept"))
			require.Equal(t, "kept", string(frame[:4]))
			frame = frame[4:]
			require.Equal(t, len(frame)-lengthSize, int(binary.BigEndian.Uint32(frame)))
			require.Equal(t, want, parseControl(t, frame[lengthSize:]))
			// An old peer reads it as a map without the keys of a message.
			require.ErrorContains(t, parseEnvelope(frame[lengthSize:], new(envelope)), "no event_name")
		})
	}
}

func TestControlBytes(t *testing.T) {
	ping := control{kind: controlPing}
	require.Equal(t, "\x00\x00\x00\x10\x81\xa9libsocket\xa4ping", string(ping.appendFrame(nil)))
	lagged := control{kind: controlLagged, missed: 1, from: 2, to: 300}
	require.Equal(t, "\x00\x00\x00\x26\x84\xa9libsocket\xa6lagged\xa6missed\x01\xa4from\x02\xa2to\xcd\x01\x2c", string(lagged.appendFrame(nil)))
}

func TestControlIsReadLeniently(t *testing.T) {
	kind := func(name string) bodyKey { return bodyKey{"\xa9libsocket", string(appendText(nil, name))} }
	key := func(key, value string) bodyKey { return bodyKey{string(appendText(nil, key)), value} }
	text := func(s string) string { return string(appendText(nil, s)) }
	for _, row := range []struct {
		name string
		body []byte
		want control
	}{
		{"any order and unknown keys", bodyOf(key("seq", "\x05"), key("new", "\x80"), bodyKey{"\xc4\x03seq", "\xc0"}, kind("seq")),
			control{kind: controlSeq, seq: 5}},
		{"an unknown kind with our keys of other types", bodyOf(kind("later"), key("seq", "\xa1x"), key("name", "\x90")),
			control{kind: controlUnknown}},
		{"the name of no kind", bodyOf(kind("unknown")), control{kind: controlUnknown}},
		{"a kind beside some keys of a message", bodyOf(kind("ping"), key("data", "\xc0")), control{kind: controlPing}},
		{"half a resume", bodyOf(kind("hello"), key("version", "\x01"), key("seq", "\x05")),
			control{kind: controlHello, version: 1, seq: 5}},
		{"types of a later version", bodyOf(kind("hello"), key("version", "\x01"), key("types", "\x92\xa4data\xa5video")),
			control{kind: controlHello, version: 1, types: newTypeSet([]MessageType{Data}) | otherTypes}},
		{"a reason of a later version", bodyOf(kind("goodbye"), key("reason", "\xa5bored")), control{kind: controlGoodbye}},
		{"a long name with line feeds", bodyOf(kind("hello"), key("version", "\x01"), key("name", text("a\nb\x00"+strings.Repeat("é", 60)))),
			control{kind: controlHello, version: 1, name: "a b " + strings.Repeat("é", 30)}},
		{"a long name that a character straddles", bodyOf(kind("hello"), key("version", "\x01"), key("name", text("a"+strings.Repeat("é", 60)))),
			control{kind: controlHello, version: 1, name: "a" + strings.Repeat("é", 31)}},
		{"info of a later version", bodyOf(kind("info"), key("version", "\x02"), key("event", "\xa1x"), key("pid", "\x07"), key("new", "\x01"),
			key("clients", "\x91\x82\xa6client\x01\xa3new\x90"), key("stats", "\x82\xa3new\x01\xa4sent\xcd\x00\x05"), key("address", "\xa1a")),
			control{kind: controlInfo, version: 2, info: &ServerInfo{State: StateLive, Event: "x", PID: 7, UID: -1, Address: "a", Stats: ServerStats{Sent: 5},
				Clients: []ClientInfo{{ID: 1, UID: -1, GID: -1, Address: "a"}}}}},
		{"a heartbeat beyond measure", bodyOf(kind("welcome"), key("version", "\x01"), key("epoch", "\x01"), key("seq", "\x01"), key("heartbeat_ms", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff")),
			control{kind: controlWelcome, version: 1, epoch: 1, seq: 1, heartbeatMs: maxHeartbeatMs}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, parseControl(t, row.body))
		})
	}
}

func TestControlRefuses(t *testing.T) {
	kind := func(name string) bodyKey { return bodyKey{"\xa9libsocket", string(appendText(nil, name))} }
	key := func(key, value string) bodyKey { return bodyKey{string(appendText(nil, key)), value} }
	text := func(s string) string { return string(appendText(nil, s)) }
	for _, row := range []struct {
		name string
		body []byte
		want string
	}{
		{"a kind that is no str", bodyOf(bodyKey{"\xa9libsocket", "\x01"}), "libsocket is not a str"},
		{"no version", bodyOf(kind("hello")), "malformed hello frame: no version"},
		{"no epoch", bodyOf(kind("welcome"), key("version", "\x01"), key("seq", "\x01")), "no epoch"},
		{"epoch 0", bodyOf(kind("welcome"), key("version", "\x01"), key("seq", "\x01"), key("epoch", "\x00")), "epoch is 0"},
		{"resume of epoch 0", bodyOf(kind("hello"), key("version", "\x01"), key("seq", "\x01"), key("epoch", "\x00")), "epoch is 0"},
		{"a negative number", bodyOf(kind("seq"), key("seq", "\xff")), "bad seq"},
		{"a float", bodyOf(kind("seq"), key("seq", "\xca\x3f\x80\x00\x00")), "bad seq"},
		{"a version beyond 31 bits", bodyOf(kind("hello"), key("version", "\xce\x80\x00\x00\x00")), "bad version"},
		{"a name of bytes", bodyOf(kind("hello"), key("version", "\x01"), key("name", "\xc4\x01a")), "bad name"},
		{"types as a map", bodyOf(kind("hello"), key("version", "\x01"), key("types", "\x80")), "bad types"},
		{"types as numbers", bodyOf(kind("hello"), key("version", "\x01"), key("types", "\x91\x01")), "bad types"},
		{"a reason that is a number", bodyOf(kind("goodbye"), key("reason", "\x01")), "bad reason"},
		{"inspect without version", bodyOf(kind("inspect")), "malformed inspect frame: no version"},
		{"info without stats", bodyOf(kind("info"), key("version", "\x01"), key("event", "\xa1x"), key("pid", "\x01"), key("clients", "\x90")), "malformed info frame: no stats"},
		{"info with a negative uptime", bodyOf(kind("info"), key("uptime_ms", "\xff")), "bad uptime_ms"},
		{"info with an uptime beyond measure", bodyOf(kind("info"), key("uptime_ms", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")), "bad uptime_ms"},
		{"info with a pid below all", bodyOf(kind("info"), key("pid", "\xfe")), "bad pid"},
		{"info with stats as an array", bodyOf(kind("info"), key("stats", "\x90")), "bad stats"},
		{"info with a counter that is text", bodyOf(kind("info"), key("stats", "\x81\xa4sent\xa1x")), "bad stats"},
		{"info with clients as a map", bodyOf(kind("info"), key("clients", "\x80")), "bad clients"},
		{"info with a client as a number", bodyOf(kind("info"), key("clients", "\x91\x01")), "bad clients"},
		{"info with a client without id", bodyOf(kind("info"), key("clients", "\x91\x80")), "bad clients"},
		{"info with a client named by bytes", bodyOf(kind("info"), key("clients", "\x91\x82\xa6client\x01\xa4name\xc4\x01a")), "bad clients"},
		{"a nonce that is text", bodyOf(kind("challenge"), key("nonce", text(strings.Repeat("x", nonceSize)))), "bad nonce"},
		{"a nonce that is too short", bodyOf(kind("hello"), key("version", "\x01"), key("nonce", "\xc4\x04abcd")), "bad nonce"},
		{"a proof that is too long", bodyOf(kind("proof"), key("proof", "\xc4\x21"+strings.Repeat("x", nonceSize+1))), "bad proof"},
		{"no nonce", bodyOf(kind("challenge")), "malformed challenge frame: no nonce"},
		{"no proof", bodyOf(kind("proof")), "malformed proof frame: no proof"},
		{"lagged by nothing", bodyOf(kind("lagged"), key("missed", "\x00"), key("from", "\x01"), key("to", "\x01")), "0 missed from 1 to 1"},
		{"lagged backwards", bodyOf(kind("lagged"), key("missed", "\x01"), key("from", "\x02"), key("to", "\x01")), "1 missed from 2 to 1"},
		{"lagged by more than there are", bodyOf(kind("lagged"), key("missed", "\x03"), key("from", "\x01"), key("to", "\x02")), "3 missed from 1 to 2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := parseBody(row.body, new(envelope), new(control), nil)
			require.ErrorIs(t, err, ErrBadMessage)
			require.ErrorContains(t, err, row.want)
		})
	}
}

// What the program gives is cut and cleaned before it is sent, too.
func TestControlWritesCleanText(t *testing.T) {
	c := control{kind: controlHello, version: 1, name: "bad\xff\tname" + strings.Repeat("x", 100)}
	got := parseControl(t, c.appendFrame(nil)[lengthSize:])
	require.Equal(t, ("bad? name" + strings.Repeat("x", 100))[:maxPeerName], got.name)

	c = control{kind: controlGoodbye, reason: ReasonIO, text: strings.Repeat("x", 5000)}
	require.Len(t, parseControl(t, c.appendFrame(nil)[lengthSize:]).text, maxPeerText)
}

func TestTypeSet(t *testing.T) {
	require.True(t, newTypeSet(nil).has(Data))
	require.True(t, newTypeSet(nil).has(Control))
	s := newTypeSet([]MessageType{Error})
	require.True(t, s.has(Error))
	require.False(t, s.has(Data))
	// Who asks for types we do not have gets none, not all.
	require.False(t, otherTypes.has(Data))
}
