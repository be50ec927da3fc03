package socket

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { programs["owner"] = ownerProgram }

// outcome is how something went in another process.
type outcome struct {
	Code  Code
	Error string
}

func outcomeOf(err error) outcome {
	if err != nil {
		return outcome{CodeOf(err), err.Error()}
	}
	return outcome{}
}

// ownerProgram is a server. It opens and closes the event by turns, one turn
// an order, and reports how that went. With a gate in the order it reports
// first that it stands there, and waits until the gate is opened.
func ownerProgram(p *program) error {
	var s *Server
	for {
		var gate string
		if err := p.orders.Decode(&gate); err != nil {
			if s != nil {
				s.Close()
			}
			if err == io.EOF {
				err = nil
			}
			return err
		}
		if gate != "" {
			if err := p.reports.Encode(outcome{}); err != nil {
				return err
			}
			if err := passGate(gate); err != nil {
				return err
			}
		}
		var err error
		if s == nil {
			s, err = Listen(context.Background(), p.transport, "test", Config{Settings: p.settings})
		} else {
			err = s.Close()
			s = nil
		}
		if err := p.reports.Encode(outcomeOf(err)); err != nil {
			return err
		}
	}
}

// A gate is a file that its keeper has locked.
func passGate(path string) error {
	gate, err := os.Open(path)
	if err != nil {
		return err
	}
	defer gate.Close()
	return syscall.Flock(int(gate.Fd()), syscall.LOCK_SH)
}

// turn orders a turn and returns how it went.
func (p *process) turn() outcome {
	p.t.Helper()
	p.order("")
	var o outcome
	p.report(&o)
	return o
}

// race is processes that want one name.
type race struct {
	*bed
	gate       *os.File
	contenders []*process
}

// run has all ask for the name at once, and returns who got it.
func (r *race) run() int {
	r.t.Helper()
	require.NoError(r.t, syscall.Flock(int(r.gate.Fd()), syscall.LOCK_EX))
	var o outcome
	for _, p := range r.contenders {
		p.order(r.gate.Name())
	}
	for _, p := range r.contenders {
		p.report(&o)
	}
	reached, stop := r.visit()
	require.NoError(r.t, syscall.Flock(int(r.gate.Fd()), syscall.LOCK_UN))
	won := -1
	lost := make([]string, len(r.contenders))
	for i, p := range r.contenders {
		p.report(&o)
		if o.Code == CodeOK {
			require.Equal(r.t, -1, won, "a second winner")
			won = i
			continue
		}
		require.Equal(r.t, CodeInUse, o.Code, o.Error)
		lost[i] = o.Error
	}
	require.NotEqual(r.t, -1, won, "nobody has won")
	r.checkLosers(won, lost)
	stop()
	require.NoError(r.t, r.reach(r.ctx, reached), "the winner")
	winner := r.contenders[won].cmd.Process.Pid
	for pid := range reached {
		require.Equal(r.t, winner, pid, "a client was with another server")
	}
	return won
}

var pidInText = regexp.MustCompile(`by pid (\d+)`)

// checkLosers checks that nobody was told that another loser has the name. Who
// asks before the winner has written its number may be told of none, or of one
// that is dead.
func (r *race) checkLosers(won int, lost []string) {
	r.t.Helper()
	alive := map[string]bool{}
	for _, p := range r.contenders {
		alive[strconv.Itoa(p.cmd.Process.Pid)] = true
	}
	winner := strconv.Itoa(r.contenders[won].cmd.Process.Pid)
	for i, text := range lost {
		if i == won {
			continue
		}
		named := pidInText.FindStringSubmatch(text)
		require.True(r.t, named == nil || named[1] == winner || !alive[named[1]], "pid %s has won: %s", winner, text)
	}
}

// visit connects again and again, until stopped, and counts whom it reached.
func (r *race) visit() (reached map[int]int, stop func()) {
	reached = map[int]int{}
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan struct{})
	go func() { // ends when stop is called, which waits for it
		defer close(ended)
		for ctx.Err() == nil {
			_ = r.reach(ctx, reached) // often nobody is there
		}
	}()
	return reached, func() { cancel(); <-ended }
}

// reach connects once, and counts who was there.
func (r *race) reach(ctx context.Context, reached map[int]int) error {
	c, err := dial(ctx, Unix, "test", &r.settings)
	if err != nil {
		return err
	}
	defer c.Close()
	reached[peerOf(c).PID]++
	return nil
}

// TestUnixOneWinnerOfManyProcesses: of many processes that want a name at once,
// one gets it, and clients are with that one or with nobody. It goes away in
// order, leaving no file, or is killed; then the next one gets the name at the
// first attempt.
func TestUnixOneWinnerOfManyProcesses(t *testing.T) {
	r := &race{bed: newBed(t, Unix).patient()}
	gate, err := os.Create(filepath.Join(t.TempDir(), "gate"))
	require.NoError(t, err)
	defer gate.Close()
	r.gate = gate
	for range sized(8, 50) {
		r.contenders = append(r.contenders, r.bed.run("owner", nil))
	}
	killed := 0
	for round := range sized(12, 200) {
		won := r.run()
		winner := r.contenders[won]
		if round%4 != 3 {
			require.Zero(t, winner.turn())
			wantFiles(t, r.settings.SocketDir)
			continue
		}
		winner.kill()
		wantFiles(t, r.settings.SocketDir, "test.lock", "test.sock")
		next := r.bed.run("owner", nil)
		require.Zero(t, next.turn(), "the first attempt after a kill")
		require.Zero(t, next.turn())
		wantFiles(t, r.settings.SocketDir)
		r.contenders[won] = next
		killed++
	}
	for _, p := range r.contenders {
		p.end()
	}
	wantFiles(t, r.settings.SocketDir)
	t.Logf("%d processes, %d rounds, %d of them ended by a kill", len(r.contenders), sized(12, 200), killed)
}

// TestUnixStoppedOwner: a process that stands still keeps its name. Who wants
// it is told at once by whom it is held, and that this one is stopped.
func TestUnixStoppedOwner(t *testing.T) {
	b := newBed(t, Unix)
	owner := b.run("owner", nil)
	require.Zero(t, owner.turn())
	owner.stop()
	settings := b.settings
	_, err := Listen(b.ctx, Unix, "test", Config{Settings: &settings})
	wantError(t, err, ErrInUse, fmt.Sprintf("already served by pid %d", owner.cmd.Process.Pid), "is stopped")
	wantFiles(t, b.settings.SocketDir, "test.lock", "test.sock")
	owner.resume()
	b.dial()
	require.Zero(t, owner.turn())
	b.serve()
}
