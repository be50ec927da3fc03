package socket

import (
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The guards of this file count allocations, which a busy machine does not
// change: nothing on the way of a message may allocate for each. A bound is far
// above what was measured and far below one more for each message.

// allocationsEach returns how many allocations one message costs, in all
// goroutines, after a first run that has set up what is kept. Only one
// goroutine runs at a time, so that as many wake-ups are seen in every run.
func allocationsEach(messages int, run func(messages int)) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	run(messages)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(messages)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(messages)
}

// TestLogDoesNotAllocate: append, and what a cursor gives, in a full log.
func TestLogDoesNotAllocate(t *testing.T) {
	frame := typedFrame(t, Data)
	for _, tc := range []struct {
		name   string
		policy slowPolicy
		types  []MessageType
		every  int // appends until the reader takes all; 0: it never does
	}{
		{"one by one", policyDropOldest, nil, 1},
		{"in bursts", policyDropOldest, nil, 1000},
		{"types that it wants", policyDropOldest, []MessageType{Data}, 10},
		{"types that it does not want", policyDropOldest, []MessageType{Error}, 10},
		{"latest", policyLatest, nil, 1},
		{"block", policyBlock, nil, 1000},
		{"overtaken", policyDropOldest, nil, 0},
		{"overtaken, disconnect", policyDisconnect, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := benchLog(tc.policy)
			fill(t, l, frame)
			_, last := bounds(l)
			c := benchReader(l, last, tc.types...)
			takeAll(c)
			n := 0
			require.Zero(t, testing.AllocsPerRun(2000, func() {
				putFrame(t, l, frame, Data)
				if n++; n == tc.every {
					n = 0
					takeAll(c)
				}
			}))
		})
	}
}

// TestBesideAllocatesItsListOnly: a frame for one reader waits in a list, which
// grows by doubling and is let go when it is empty. The frame is its sender's.
func TestBesideAllocatesItsListOnly(t *testing.T) {
	const frames = 100
	l, frame := benchLog(policyDropOldest), typedFrame(t, Data)
	c := benchReader(l, 1)
	takeAll(c)
	allocs := testing.AllocsPerRun(100, func() {
		for range frames {
			require.NoError(t, c.pushInOrder(frame))
		}
		takeAll(c)
	})
	require.LessOrEqual(t, allocs, 10.0, "for %d frames", frames)
}

// TestIntakeDoesNotAllocate: reading, cutting, parsing, the inbox, and taking
// out of it. What the connection itself allocates is spread over the messages:
// 0.04 for each. Under the race detector a pool loses a quarter of what is put
// into it, and a read takes from three: 0.9.
func TestIntakeDoesNotAllocate(t *testing.T) {
	const messages = 2000
	most := 0.4
	if raceDetector {
		most = 1.5
	}
	for _, size := range []int{180, 1 << 10, 20 << 10} {
		for name, burst := range map[string]bool{"one a read": false, "many a read": true} {
			frame := sizedFrame(t, size)
			each := allocationsEach(messages, func(n int) { takeInAndOut(t, framesOf(frame, burst, n)) })
			require.Less(t, each, most, "frames of %d bytes, %s", size, name)
		}
	}
}

// TestDeliveryDoesNotAllocate sends bursts over a connection, and takes each
// before the next: everything from Send to ReceiveBatch. For each burst a
// writer is started, which is 0.015 to 0.05 for each message.
func TestDeliveryDoesNotAllocate(t *testing.T) {
	const messages, burst = 2000, 100
	eachTransport(t, func(t *testing.T, b *bed) {
		s := b.serve(func(cfg *Config) { cfg.Logger = nil })
		c := b.dial(func(cfg *Config) { cfg.Logger = nil })
		m := progressMessage(t)
		var batch Batch
		received := func(receive func(*Batch) error) (messages int) {
			require.NoError(t, receive(&batch))
			for i := range batch.Events {
				if batch.Events[i].Kind == EventMessage {
					messages++
				}
			}
			return messages
		}
		atClient := func(batch *Batch) error { return c.ReceiveBatch(b.ctx, batch, 0) }
		atServer := func(batch *Batch) error { return s.ReceiveBatch(b.ctx, batch, 0) }
		for _, way := range []struct {
			name    string
			send    func(Message) error
			receive func(*Batch) error
		}{
			{"server to client", s.Send, atClient},
			{"client to server", c.Send, atServer},
		} {
			each := allocationsEach(messages, func(n int) {
				for ; n > 0; n -= burst {
					for range burst {
						require.NoError(t, way.send(m))
					}
					for got := 0; got < burst; {
						got += received(way.receive)
					}
				}
			})
			require.Less(t, each, 0.3, way.name)
		}
		batch.Release()
	})
}

// TestHugeFramesReuseBuffers: a stream of frames larger than any buffer of a
// fixed size is read into the same memory again and again. Without a buffer for
// the next one, of the size of the last, each took eight allocations.
func TestHugeFramesReuseBuffers(t *testing.T) {
	frame := sizedFrame(t, 600<<10)
	each := allocationsEach(50, func(n int) { takeInAndOut(t, framesOf(frame, true, n)) })
	require.Less(t, each, 6.0) // 3.6 under the race detector, which empties pools
}

// TestClientsAreLetInCheaply: what letting in thousands of clients leaves for
// the collector is memory of the process. Both ends count here: 20 of the
// allocations are those of package net.
func TestClientsAreLetInCheaply(t *testing.T) {
	const clients = 50
	b := newBed(t, Unix)
	b.settings.Unix.MaxConnections = 2 * clients
	s := b.serve(func(cfg *Config) { cfg.Logger, cfg.KeepEvents = nil, false })
	hello := (&control{kind: controlHello, version: wireVersion}).appendFrame(nil)
	joined := 0
	each := allocationsEach(clients, func(n int) {
		for range n {
			conn, err := net.Dial("unix", s.Address())
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			_, err = conn.Write(hello)
			require.NoError(t, err)
		}
		joined += n
		require.NoError(t, s.WaitClients(b.ctx, joined))
	})
	require.Less(t, each, 60.0) // 52, under the race detector 55
}
