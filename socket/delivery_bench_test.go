package socket

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchData is the data of a progress message; its frame has 190 bytes.
func benchData(b *testing.B) []byte {
	data, err := Marshal(map[string]any{"step": "Generating colorscheme", "progress": 33.3, "status": "processing"})
	require.NoError(b, err)
	return data
}

// drain receives n messages in batches.
func drain(b *bed, c *Client, n int) {
	var batch Batch
	for got := 0; got < n; {
		if err := c.ReceiveBatch(b.ctx, &batch, 0); err != nil {
			b.t.Error(err)
			return
		}
		for i := range batch.Events {
			if batch.Events[i].Kind == EventMessage {
				got++
			}
		}
	}
	batch.Release()
}

// BenchmarkDelivery sends to clients in this process, and waits until each has
// taken everything; nothing is dropped. The unit is one message sent.
func BenchmarkDelivery(b *testing.B) {
	for _, transport := range []Transport{Unix, TCP} {
		for _, clients := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("%s/clients=%d", transport, clients), func(b *testing.B) {
				bed := newBed(b, transport)
				bed.settings.SlowClient = SlowBlock
				bed.settings.SendTimeout = patience
				bed.settings.Unix.MaxConnections, bed.settings.TCP.MaxConnections = clients, clients
				s := bed.serve(func(cfg *Config) { cfg.KeepEvents, cfg.Logger = false, nil })
				m := Message{Data: benchData(b)}
				b.ReportAllocs()
				var group sync.WaitGroup
				for range clients {
					c := bed.dial(func(cfg *Config) { cfg.Logger = nil })
					group.Go(func() { drain(bed, c, b.N) })
				}
				b.ResetTimer()
				for range b.N {
					if err := s.Send(m); err != nil {
						b.Fatal(err)
					}
				}
				group.Wait()
				b.StopTimer()
				b.ReportMetric(float64(clients*b.N)/b.Elapsed().Seconds(), "deliveries/s")
			})
		}
	}
}

// BenchmarkRoundTrip sends a message to the server, which answers it.
func BenchmarkRoundTrip(b *testing.B) {
	for _, transport := range []Transport{Unix, TCP} {
		b.Run(string(transport), func(b *testing.B) {
			bed := newBed(b, transport)
			s := bed.serve(func(cfg *Config) { cfg.Logger = nil })
			c := bed.dial(func(cfg *Config) { cfg.Logger = nil })
			m := Message{Data: benchData(b)}
			go func() { // ends when the server is closed
				for e, err := range s.Events(bed.ctx) {
					if err == nil && e.Kind == EventMessage {
						if err := s.SendTo(e.Client, m); err != nil {
							b.Error(err)
						}
					}
				}
			}()
			b.ResetTimer()
			for range b.N {
				if err := c.Send(m); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Receive(bed.ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			s.Close()
		})
	}
}

// BenchmarkSendNobodyThere is the cost of Send alone: encode and append.
func BenchmarkSendNobodyThere(b *testing.B) {
	bed := newBed(b, Unix)
	s := bed.serve(func(cfg *Config) { cfg.KeepEvents, cfg.Logger = false, nil })
	m := Message{Data: benchData(b)}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(m); err != nil {
			b.Fatal(err)
		}
	}
}
