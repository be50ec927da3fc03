package socket

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { programs["asker"] = askerProgram }

// askOptions say how often an asker asks.
type askOptions struct{ Rounds int }

// Files that nobody has, looked at where a trace is to begin and to end.
const traceBegins, traceEnds = "/libsocket-trace-begins", "/libsocket-trace-ends"

// askerProgram is a client that sends a message and waits for the answer, over
// and over. One goroutine runs at a time: with more, it is chance how often the
// runtime wakes a thread.
func askerProgram(p *program) error {
	var o askOptions
	if err := json.Unmarshal(p.options, &o); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := Dial(ctx, p.transport, "test", Config{Settings: p.settings})
	if err != nil {
		return err
	}
	defer c.Close()
	ask := func(rounds int) {
		for ; rounds > 0 && err == nil; rounds-- {
			if err = c.Send(Message{}); err == nil {
				_, err = c.Receive(ctx)
			}
		}
	}
	ask(10)
	_, _ = os.Lstat(traceBegins)
	ask(o.Rounds)
	_, _ = os.Lstat(traceEnds)
	if err != nil {
		return err
	}
	return p.reports.Encode(o.Rounds)
}

// TestRoundTripCalls bounds the system calls of a client for each message that
// it sends and whose answer it awaits. On the connection three were measured,
// always: sendto, the recvfrom that waits, read. The runtime made 1.05 more to
// wait and to wake up, under the race detector up to 2.1.
func TestRoundTripCalls(t *testing.T) {
	const rounds = 100
	eachPlainTransport(t, func(t *testing.T, b *bed) {
		s := b.serve(func(cfg *Config) { cfg.Logger = nil })
		go func() { // ends when the server is closed
			for e, err := range s.Events(b.ctx) {
				if err == nil && e.Kind == EventMessage {
					if err := s.SendTo(e.Client, Message{}); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		p, trace := b.traced("asker", askOptions{Rounds: rounds}, "all")
		var asked int
		p.report(&asked)
		require.Equal(t, rounds, asked)
		p.end()

		calls := callsBetween(trace(), traceBegins, traceEnds)
		connection, waiting := 0, 0
		for name, n := range calls {
			switch {
			case strings.HasSuffix(name, " socket"):
				connection += n
			case strings.HasPrefix(name, "epoll_"), name == "futex", name == "read", name == "write":
				waiting += n
			}
		}
		require.GreaterOrEqual(t, calls["sendto socket"], rounds, "the trace is blind: %v", calls)
		require.LessOrEqual(t, connection, rounds*7/2, "on the connection: %v", calls)
		require.LessOrEqual(t, waiting, rounds*8, "to wait and to wake up: %v", calls)
	})
}

// callsBetween counts the calls between those that name the two files: by
// name, those on a socket as "name socket".
func callsBetween(trace []string, begins, ends string) map[string]int {
	calls := map[string]int{}
	inside := false
	for _, line := range trace {
		switch match := tracedCall.FindStringSubmatch(line); {
		case strings.Contains(line, begins):
			inside = true
		case strings.Contains(line, ends):
			inside = false
		case inside && match != nil:
			name := match[1]
			if file, _, _ := strings.Cut(match[2], ","); strings.Contains(file, "<socket:") {
				name += " socket"
			}
			calls[name]++
		}
	}
	return calls
}
