package socket

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { programs["cramped"] = crampedProgram }

// crampedOptions are a file system on which there is something wrong.
type crampedOptions struct {
	Top   string // where it is mounted
	Mount string // how
	Fill  bool   // until nothing more can be written
}

// crampedReport says how a server fared there, what it left, and how the next
// one fared after there was room.
type crampedReport struct {
	Failed outcome
	Left   []string
	Again  outcome
}

// crampedProgram runs where mounts are its own.
func crampedProgram(p *program) error {
	var o crampedOptions
	if err := json.Unmarshal(p.options, &o); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", o.Top, "tmpfs", 0, o.Mount); err != nil {
		return err
	}
	if o.Fill {
		if err := os.WriteFile(filepath.Join(o.Top, "filler"), make([]byte, 4096), 0o600); err != nil {
			return err
		}
	}
	var r crampedReport
	open := func() outcome {
		s, err := Listen(context.Background(), Unix, "test", Config{Settings: p.settings})
		if err == nil {
			err = s.Close()
		}
		return outcomeOf(err)
	}
	r.Failed = open()
	entries, err := os.ReadDir(o.Top)
	if err != nil {
		return err
	}
	for _, e := range entries {
		r.Left = append(r.Left, e.Name())
	}
	if err := syscall.Mount("tmpfs", o.Top, "tmpfs", syscall.MS_REMOUNT, "size=1m,nr_inodes=20"); err != nil {
		return err
	}
	r.Again = open()
	return p.reports.Encode(r)
}

// privateMounts are the attributes of a process whose mounts nobody else sees.
func privateMounts(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	try := exec.Command("/bin/true")
	try.SysProcAttr = attr
	if err := try.Run(); err != nil {
		t.Skipf("a file system of its own needs root, or user namespaces: %v", err)
	}
	return attr
}

// TestUnixCramped: where files cannot be made the error says so, nothing is
// left half made, and nothing is in the way when there is room again.
func TestUnixCramped(t *testing.T) {
	attr := privateMounts(t)
	for _, c := range []struct {
		name  string
		mount string
		fill  bool
		below string // socket_dir, below where it is mounted
		says  string
		left  []string
	}{
		{"no room for the lock file", "nr_inodes=1", false, "", "test.lock: no space left on device", nil},
		{"no room for the socket", "nr_inodes=2", false, "", "test.sock: no space left on device", nil},
		{"no room for the process id", "size=4k", true, "", "test.lock: no space left on device", []string{"filler"}},
		{"no room for the directory", "nr_inodes=1", false, "below", "no space left on device", nil},
		{"read-only", "ro", false, "", "read-only file system", nil},
		{"read-only, directory to make", "ro", false, "below", "read-only file system", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, Unix)
			top := b.settings.SocketDir
			b.settings.SocketDir = filepath.Join(top, c.below)
			cmd := exec.CommandContext(b.ctx, os.Args[0])
			cmd.SysProcAttr = attr
			p := b.runCommand(cmd, "cramped", crampedOptions{top, c.mount, c.fill})
			var r crampedReport
			p.report(&r)
			p.end()
			require.Equal(t, CodeIO, r.Failed.Code, r.Failed.Error)
			require.Contains(t, r.Failed.Error, c.says)
			require.Contains(t, r.Failed.Error, top)
			require.Equal(t, c.left, r.Left)
			require.Zero(t, r.Again)
		})
	}
}
