package socket

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are what a test has done by processes of its own: the test binary,
// started again. Each file that needs one adds it.
var programs = map[string]func(*program) error{}

// programEnv names the program that the test binary is to be.
const programEnv = "LIBSOCKET_TEST_PROGRAM"

// program is a process seen from inside. It takes orders from its standard
// input and writes reports to its standard output.
type program struct {
	transport Transport
	settings  *Settings
	options   json.RawMessage
	orders    *json.Decoder
	reports   *json.Encoder
}

// start is the first order of every program.
type start struct {
	Transport Transport
	Settings  Settings
	Options   any
}

// runProgram is what TestMain does when the environment names a program. It
// returns the exit status.
func runProgram(name string) int {
	p := program{orders: json.NewDecoder(os.Stdin), reports: json.NewEncoder(os.Stdout)}
	first := start{Options: &p.options}
	err := p.orders.Decode(&first)
	if err == nil {
		first.Settings.Location = time.UTC
		p.transport, p.settings = first.Transport, &first.Settings
		err = programs[name](&p)
	}
	if err == nil {
		if leaked := leakedGoroutines(); leaked != "" {
			err = fmt.Errorf("goroutines are left:\n%s", leaked)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "program %s: %v\n", name, err)
		return 1
	}
	return 0
}

// process is a program seen from the test that started it.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	orders  *json.Encoder
	reports *json.Decoder
	ended   bool
}

// run starts a program with the settings of the bed. It is killed when the
// test is over.
func (b *bed) run(name string, options any) *process {
	b.t.Helper()
	return b.runCommand(exec.CommandContext(b.ctx, os.Args[0]), name, options)
}

// runCommand is run with a command that, in the end, executes this binary.
func (b *bed) runCommand(cmd *exec.Cmd, name string, options any) *process {
	b.t.Helper()
	// Under the race detector, a process would else wait a second at its end.
	cmd.Env = append(cmd.Environ(), programEnv+"="+name, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=20")
	cmd.Stderr = b.t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(b.t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b.t, err)
	require.NoError(b.t, cmd.Start())
	p := &process{b.t, cmd, stdin, json.NewEncoder(stdin), json.NewDecoder(stdout), false}
	b.t.Cleanup(func() {
		if !p.ended {
			p.kill()
		}
	})
	p.order(start{b.transport, b.settings, options})
	return p
}

func (p *process) order(v any) {
	p.t.Helper()
	require.NoError(p.t, p.orders.Encode(v))
}

// report reads the next report.
func (p *process) report(v any) {
	p.t.Helper()
	require.NoError(p.t, p.reports.Decode(v), "a report of %v", p.cmd.Process)
}

// end closes the program's orders and waits until it has ended well.
func (p *process) end() {
	p.t.Helper()
	p.ended = true
	p.stdin.Close()
	require.NoError(p.t, p.cmd.Wait())
}

func (p *process) kill() {
	p.ended = true
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
}

// stop stops the process as Ctrl-Z does, and returns when it stands still.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err != syscall.EINTR {
			require.NoError(p.t, err)
			break
		}
	}
	require.True(p.t, status.Stopped(), "%v", status)
}

func (p *process) resume() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGCONT))
}
