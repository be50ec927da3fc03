package socket

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var modelSeed = flag.Uint64("model.seed", 0, "replay this seed of TestModel only")

// TestModel drives the log and its cursors with random operations and checks
// what every reader is given against a model that is only a list of messages:
// the numbers are without gap or repetition, every gap is told exactly, nothing
// is given that was not wanted, and a reader is never left asleep with
// something to read. `go test -run TestModel -model.seed N` replays a failure.
func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		runModel(t, *modelSeed)
		return
	}
	for seed := uint64(1); seed <= uint64(sized(50, 2000)); seed++ {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { runModel(t, seed) }) {
			return
		}
	}
}

// modelMessage is a message of the reference: what was sent, in order.
type modelMessage struct {
	kind MessageType
}

// modelUnicast is a message to one reader alone.
type modelUnicast struct {
	n      uint64
	before uint64 // the broadcast it was sent before
	first  bool   // sent while the reader was held: due before everything
}

// modelReader is a client, as it sees its connection.
type modelReader struct {
	conn     *conn
	types    typeSet
	old      bool // speaks no control frames: it has no types, and is told nothing
	held     bool
	runnable bool // the cursor was started and has not said idle
	welcomed bool
	synced   bool
	from     uint64 // the first broadcast it is to be given, by the reference
	next     uint64 // the number of the next broadcast, by the reference
	counted  uint64 // the same as the client counts: it may not know of what it does not want
	retained []uint64
	unicasts []modelUnicast
	received uint64
	missed   uint64
	filtered uint64
}

type model struct {
	t       *testing.T
	rnd     *rand.Rand
	server  *Server
	encoder *encoder
	sent    []modelMessage // sent[i] has seq i+1
	newest  map[string]uint64
	readers []*modelReader
	gone    []uint64 // where readers were that have left, to resume from
	unicast uint64
	queue   uint64 // since when nobody is there
}

func runModel(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	settings := &Settings{
		MaxMessageSize:   1 << 20,
		MessageQueueSize: 1 + rnd.IntN(30),
		HistorySize:      []int{0, 0, 5, 50}[rnd.IntN(4)],
		SlowClient:       []SlowClient{SlowDropOldest, SlowLatest, SlowDisconnect}[rnd.IntN(3)],
	}
	limits := logLimits{
		messages: uint64(1 + rnd.IntN(200)),
		bytes:    chunkSize * (1 + rnd.IntN(3)),
		policy:   settings.SlowClient.policy(),
		keys:     rnd.IntN(5),
	}
	limits.messages = max(limits.messages, uint64(settings.MessageQueueSize), uint64(settings.HistorySize))
	m := &model{
		t: t, rnd: rnd, encoder: newEncoder("model", time.UTC, 1<<20), newest: map[string]uint64{}, queue: 1,
		server: &Server{settings: settings, log: newLog(limits), epoch: 7, conns: map[ClientID]*conn{}, queueFrom: 1},
	}
	for range 1500 {
		switch n := rnd.IntN(100); {
		case n < 45:
			m.append()
		case n < 50:
			m.join()
		case n < 53:
			m.leave()
		case n < 58:
			m.sendTo()
		case n < 61:
			m.release(m.any())
		default:
			m.step(m.any())
		}
	}
	for _, r := range slices.Clone(m.readers) {
		m.release(r)
		for r.runnable {
			m.step(r)
		}
	}
	for _, r := range m.readers {
		require.Zero(t, r.conn.cursor.besideBytes)
		m.unwanted(r, m.head())
		require.True(t, r.synced, "who has read everything is in sync")
		require.Empty(t, r.unicasts)
		require.Equal(t, m.head()-r.from, r.received+r.missed+r.filtered, "sent = received + missed")
	}
	for len(m.readers) > 0 {
		m.leave()
	}
	l := m.server.log
	for c := l.first; c != nil; c = c.next {
		require.Zero(t, c.pins, "no chunk stays pinned")
	}
	require.LessOrEqual(t, l.bytes, limits.bytes+chunkSize)
	require.LessOrEqual(t, l.head-l.tail, limits.messages)
}

func (m *model) head() uint64 { return uint64(len(m.sent)) + 1 }

func (m *model) any() *modelReader {
	if len(m.readers) == 0 {
		return nil
	}
	return m.readers[m.rnd.IntN(len(m.readers))]
}

func (m *model) frame(n uint64, kind MessageType, key string, extra frameExtra) []byte {
	size := 0
	if key == "" && m.rnd.IntN(50) == 0 { // retained ones stay within their bound of bytes
		size = m.rnd.IntN(chunkSize * 3 / 2)
	}
	data, err := Marshal([]any{n, make([]byte, size)})
	require.NoError(m.t, err)
	frame, err := m.encoder.appendFrame(nil, &Message{Type: kind, Data: data, RetainKey: key}, extra)
	require.NoError(m.t, err)
	return frame
}

func (m *model) append() {
	n := m.head()
	kind := MessageType(m.rnd.IntN(3))
	key := ""
	if m.rnd.IntN(4) == 0 {
		key = fmt.Sprint("key", m.rnd.IntN(8))
	}
	require.NoError(m.t, m.server.log.append(draftOf(m.frame(n, kind, key, extraNone)), kind, key))
	m.sent = append(m.sent, modelMessage{kind})
	if key != "" {
		m.newest[key] = n
	}
	for _, r := range m.readers {
		if !r.held && r.types.has(kind) {
			require.True(m.t, r.runnable, "a reader sleeps although there is something for it")
		}
	}
}

func (m *model) join() {
	old := m.rnd.IntN(4) == 0
	r := &modelReader{held: true, old: old, welcomed: old, synced: old}
	r.conn = &conn{server: m.server, cursor: &cursor{speaks: !old}}
	r.conn.cursor.start = func() {
		require.False(m.t, r.runnable, "started twice")
		r.runnable = true
	}
	if !old && m.rnd.IntN(3) == 0 {
		r.types = typeSet(1 + m.rnd.IntN(7))
	}
	l := m.server.log
	hello := &control{kind: controlHello, types: r.types}
	r.from = m.head()
	if len(m.readers) == 0 {
		r.from = max(m.queue, l.tail)
		if n := uint64(m.server.settings.MessageQueueSize); m.head()-r.from > n {
			r.from = m.head() - n
		}
	}
	if n := uint64(m.server.settings.HistorySize); n > 0 && m.head() > n {
		r.from = min(r.from, max(l.tail, m.head()-n))
	} else if n > 0 {
		r.from = min(r.from, l.tail)
	}
	since := uint64(1)
	if !old && len(m.gone) > 0 && m.rnd.IntN(2) == 0 {
		hello.hasResume, hello.epoch = true, m.server.epoch
		hello.seq = m.gone[m.rnd.IntN(len(m.gone))]
		r.from, since = hello.seq, hello.seq
	}
	r.next, r.counted = r.from, r.from
	starts := max(r.from, l.tail)
	for n := m.head() - 1; n > starts && l.limits.policy == policyLatest; n-- {
		if r.types.has(m.sent[n-1].kind) {
			starts = n // the newest it wants
		}
	}
	kept := slices.Sorted(maps.Values(m.newest))
	for _, seq := range kept[max(0, len(kept)-l.retained.maxKeys):] {
		if seq >= since && seq < starts && r.types.has(m.sent[seq-1].kind) {
			r.retained = append(r.retained, seq)
		}
	}
	if old {
		hello = nil
	}
	m.server.join(r.conn, hello, m.head())
	require.Equal(m.t, !old && m.wants(r, r.from, starts), r.conn.cursor.lag.missed > 0, "missed, if there was something for it")
	m.server.lastID++
	r.conn.info.ID = m.server.lastID
	m.server.conns[r.conn.info.ID] = r.conn
	m.readers = append(m.readers, r)
	r.conn.cursor.greet()
	require.Equal(m.t, !old, r.runnable)
	if m.rnd.IntN(3) > 0 {
		m.release(r)
	}
}

// wants reports whether the reader wants one of the messages from seq on that
// are before another.
func (m *model) wants(r *modelReader, from, before uint64) bool {
	for ; from < before; from++ {
		if r.types.has(m.sent[from-1].kind) {
			return true
		}
	}
	return false
}

func (m *model) release(r *modelReader) {
	if r != nil && r.held {
		r.held = false
		r.conn.cursor.release()
		require.True(m.t, r.runnable)
	}
}

func (m *model) leave() {
	if r := m.any(); r != nil {
		m.remove(r)
	}
}

func (m *model) remove(r *modelReader) {
	r.conn.cursor.leave()
	if r.runnable {
		_, state := r.conn.cursor.next()
		require.Equal(m.t, nextLeft, state)
		r.conn.cursor.done()
		r.runnable = false
	}
	<-r.conn.cursor.ended()
	delete(m.server.conns, r.conn.info.ID)
	m.readers = slices.DeleteFunc(m.readers, func(x *modelReader) bool { return x == r })
	if r.welcomed && !r.old {
		m.gone = append(m.gone, r.counted)
	}
	if len(m.readers) == 0 {
		m.queue, m.server.queueFrom = m.head(), m.head()
	}
}

func (m *model) sendTo() {
	r := m.any()
	if r == nil {
		return
	}
	m.unicast++
	require.NoError(m.t, r.conn.cursor.pushInOrder(m.frame(m.unicast, Data, "", extraUnicast)))
	r.unicasts = append(r.unicasts, modelUnicast{m.unicast, m.head(), r.held})
	slices.SortStableFunc(r.unicasts, func(a, b modelUnicast) int {
		return cmp.Compare(b2i(b.first), b2i(a.first))
	})
	require.True(m.t, r.held || r.runnable)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// step lets the reader's writer take once, and reads what it is given.
func (m *model) step(r *modelReader) {
	if r == nil || !r.runnable {
		return
	}
	bytes, state := r.conn.cursor.next()
	require.False(m.t, r.held && r.welcomed && state == nextBytes, "held, and given more than its welcome")
	switch state {
	case nextIdle:
		r.runnable = false
		if r.held {
			require.True(m.t, r.welcomed, "idle before its welcome")
			return
		}
		m.unwanted(r, m.head())
		require.Empty(m.t, r.unicasts, "idle with a unicast due")
		require.True(m.t, r.synced)
	case nextSlow:
		require.Equal(m.t, SlowDisconnect, m.server.settings.SlowClient)
		require.Less(m.t, r.next, m.server.log.tail, "slow, but nothing is lost")
		m.remove(r)
	case nextBytes:
		require.NotEmpty(m.t, bytes)
		for len(bytes) > 0 {
			n := frameSize(bytes)
			m.see(r, bytes[lengthSize:n])
			bytes = bytes[n:]
		}
	default:
		m.t.Fatalf("unexpected state %d", state)
	}
}

// see checks one frame as the client does.
func (m *model) see(r *modelReader, body []byte) {
	var env envelope
	var ctl control
	isControl, err := parseBody(body, &env, &ctl, nil)
	require.NoError(m.t, err)
	if isControl {
		m.seeControl(r, &ctl)
		return
	}
	require.True(m.t, r.welcomed)
	var value struct {
		_msgpack struct{} `msgpack:",as_array"`
		N        uint64
		Filler   []byte
	}
	require.NoError(m.t, Unmarshal(env.data, &value))
	n := value.N
	switch {
	case env.retained:
		require.NotEmpty(m.t, r.retained)
		require.Equal(m.t, r.retained[0], n, "retained messages come oldest first")
		require.Zero(m.t, r.received, "retained messages come before live ones")
		r.retained = r.retained[1:]
	case env.unicast:
		require.NotEmpty(m.t, r.unicasts)
		u := r.unicasts[0]
		r.unicasts = r.unicasts[1:]
		require.Equal(m.t, u.n, n, "unicasts come in order")
		if u.first {
			require.Zero(m.t, r.received+r.missed)
			return
		}
		if r.old {
			require.LessOrEqual(m.t, r.next, u.before, "a unicast comes before what was sent after it")
			return
		}
		m.unwanted(r, u.before)
		if m.server.settings.SlowClient == SlowDropOldest && r.missed == 0 {
			require.LessOrEqual(m.t, r.next, u.before, "a unicast comes before what was sent after it")
		}
	default:
		if r.old {
			m.unwanted(r, n)
		}
		require.Equal(m.t, r.next, n, "a broadcast has the number the client counts")
		require.True(m.t, r.types.has(env.messageType))
		require.Empty(m.t, r.retained)
		r.next++
		r.received++
		r.counted = r.next
	}
}

func (m *model) seeControl(r *modelReader, ctl *control) {
	require.False(m.t, r.old, "an old reader was sent a %s frame", ctl.kind)
	switch ctl.kind {
	case controlWelcome:
		require.False(m.t, r.welcomed)
		require.Equal(m.t, r.from, ctl.seq)
		r.welcomed = true
	case controlLagged:
		m.unwanted(r, ctl.from)
		require.Equal(m.t, r.next, ctl.from)
		span := ctl.to - ctl.from + 1
		require.LessOrEqual(m.t, ctl.missed, span)
		if m.server.settings.SlowClient != SlowLatest {
			require.Less(m.t, ctl.to, m.server.log.tail, "told as missed, but still there")
		}
		r.missed += ctl.missed
		r.filtered += span - ctl.missed
		r.next = ctl.to + 1
		r.counted = r.next
	case controlSeq:
		m.unwanted(r, ctl.seq)
		require.Equal(m.t, r.next, ctl.seq)
		require.Greater(m.t, ctl.seq, r.counted)
		r.counted = ctl.seq
	case controlSynced:
		require.Empty(m.t, r.retained)
		r.synced = true
	default:
		m.t.Fatalf("unexpected %s", ctl.kind)
	}
}

// unwanted passes over the messages before seq, none of which may be one that
// the reader wants. An old reader, which is not told, has missed them.
func (m *model) unwanted(r *modelReader, seq uint64) {
	if r.old {
		r.missed += max(seq, r.next) - r.next
		r.next = max(seq, r.next)
		require.Equal(m.t, r.conn.cursor.missed, r.missed, "what an old reader misses is counted")
		return
	}
	for r.next < seq {
		require.NotZero(m.t, r.types, "message %d was left out", r.next)
		require.False(m.t, r.types.has(m.sent[r.next-1].kind), "message %d was left out", r.next)
		r.next++
		r.filtered++
	}
}
