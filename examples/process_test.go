package examples

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A cell of the matrix is one scenario, over one transport, between one server
// language and one client language. Its processes have a directory and ports
// to themselves, and all end with it.
type cell struct {
	*testing.T
	scenario, transport, server, client string

	directory   string
	environment []string
	ctx         context.Context
	processes   []*process
}

// patience bounds a cell, on a machine that is busy with others.
const patience = time.Minute

func newCell(t *testing.T, scenario, transport, server, client string) *cell {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	directory := t.TempDir()
	environment := []string{
		"HOME=" + directory,
		"SOCKET__SOCKET_DIR=" + filepath.Join(directory, "sockets"),
		fmt.Sprintf("SOCKET__TCP__PORT=%d", freePorts(t, 1)),
		"SOCKET__LINGER=10", // closing may take long on a busy machine
		// A viewer that is there before its server tries again soon.
		"SOCKET__TCP__RECONNECT_MIN=0.01",
		"SOCKET__TCP__RECONNECT_MAX=0.1",
	}
	for _, name := range []string{"LANG", "LC_ALL"} {
		environment = append(environment, name+"="+os.Getenv(name))
	}
	environment = append(environment, "PATH="+filepath.Join(root, ".venv/bin")+":"+os.Getenv("PATH"))
	return &cell{
		T: t, scenario: scenario, transport: transport, server: server, client: client,
		directory: directory, environment: environment, ctx: ctx,
	}
}

func (c *cell) must(err error) {
	if err != nil {
		c.Helper()
		c.Fatal(err)
	}
}

func (c *cell) startServer(args ...string) *process { return c.start("server", c.server, args) }
func (c *cell) startClient(args ...string) *process { return c.start("client", c.client, args) }

func (c *cell) start(role, language string, args []string) *process {
	program := filepath.Join(root, "build/examples", c.scenario, language+"-"+role)
	source := filepath.Join(root, "examples", c.scenario, role)
	switch language {
	case "python":
		program = filepath.Join(root, ".venv/bin/python")
		args = append([]string{source + ".py"}, args...)
	case "shell":
		program = source + ".sh"
	}
	return c.run(language+" "+role, program, args)
}

func (c *cell) run(name, program string, args []string) *process {
	p := &process{cell: c, name: name}
	p.cmd = exec.CommandContext(c.ctx, program, args...)
	p.cmd.Env = c.environment
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	c.must(err)
	p.out = bufio.NewReader(out)
	c.must(p.cmd.Start())
	c.processes = append(c.processes, p)
	return p
}

// report shows what every process printed, if anything went wrong.
func (c *cell) report() {
	for _, p := range c.processes {
		p.end()
		if c.Failed() {
			c.Logf("%s\n%s", strings.Join(p.cmd.Args, " "), p)
		}
	}
}

// A process is a running example. Its output is read as far as it was asked
// for, and to the end by end.
type process struct {
	cell   *cell
	name   string
	cmd    *exec.Cmd
	out    *bufio.Reader
	stdout strings.Builder
	stderr bytes.Buffer
	ended  bool
	err    error
}

// waitFor reads until the line is there.
func (p *process) waitFor(format string, args ...any) {
	p.cell.Helper()
	wanted := fmt.Sprintf(format, args...)
	for {
		line, err := p.out.ReadString('\n')
		p.stdout.WriteString(line)
		if strings.TrimSuffix(line, "\n") == wanted {
			return
		}
		if err != nil {
			p.cell.Errorf("the %s ended without the line %q", p.name, wanted)
			p.cell.report()
			p.cell.FailNow()
		}
	}
}

// prints waits for the end, which has to be a good one, and compares all of
// the output.
func (p *process) prints(format string, args ...any) {
	p.cell.Helper()
	wanted := fmt.Sprintf(format, args...)
	p.end()
	if p.err != nil {
		p.cell.Errorf("the %s: %v", p.name, p.err)
	}
	if got := p.stdout.String(); got != wanted {
		p.cell.Errorf("the %s printed\n%s\nand not\n%s", p.name, indent(got), indent(wanted))
	}
	if p.stderr.Len() > 0 {
		p.cell.Errorf("the %s complained", p.name)
	}
}

// fails waits for the end, which has to be one with the status and one line
// with the words on standard error.
func (p *process) fails(status int, words string) {
	p.cell.Helper()
	p.end()
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.ExitCode() != status {
		p.cell.Errorf("the %s ended with %v, not with status %d", p.name, p.err, status)
	}
	said := p.stderr.String()
	if !strings.Contains(said, words) || strings.Count(said, "\n") != 1 || p.stdout.Len() > 0 {
		p.cell.Errorf("the %s did not just say %q", p.name, words)
	}
}

// end reads what is left and waits for the process, which the end of the
// cell's time kills.
func (p *process) end() {
	if p.ended {
		return
	}
	p.ended = true
	_, readErr := p.out.WriteTo(&p.stdout)
	p.err = errors.Join(p.cmd.Wait(), readErr)
	if p.cell.ctx.Err() != nil {
		p.err = fmt.Errorf("killed after %v: %w", patience, p.err)
	}
}

func (p *process) String() string {
	return fmt.Sprintf("  ended with: %v\n  output:\n%s\n  errors:\n%s", p.cmd.ProcessState, indent(p.stdout.String()), indent(p.stderr.String()))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ")
}

// Ports are looked for below those that the system gives to clients.
const firstPort, lastPort = 20000, 30000

var nextPort = func() (n atomic.Int64) { n.Store(int64(os.Getpid()) * 37); return }()

// freePorts returns the first of n ports in a row that nobody uses. They are
// not handed out again.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range lastPort - firstPort {
		first := firstPort + int(nextPort.Add(int64(n)))%(lastPort-firstPort-n)
		if allFree(first, n) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		listener.Close()
	}
	return true
}

// root is the top of the tree.
var root string

// TestMain builds what is run.
func TestMain(m *testing.M) {
	var err error
	if root, err = filepath.Abs(".."); err == nil {
		build := exec.Command("make", "--no-print-directory", "-C", root, "build", "examples", "viewers")
		for _, variable := range os.Environ() {
			// Not those of a make that runs this test.
			if !strings.HasPrefix(variable, "MAKE") && !strings.HasPrefix(variable, "MFLAGS=") {
				build.Env = append(build.Env, variable)
			}
		}
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the examples:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
