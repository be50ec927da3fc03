package socket

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stranger is a user who is neither us nor root.
const stranger = 54321

func TestUnixLongPath(t *testing.T) {
	for _, length := range []int{106, 107, 108, 109, 300} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			dir := t.TempDir()
			for pad := length - len(dir) - len("/x.sock"); pad > 0; {
				n := min(pad-1, 200)
				dir += "/" + strings.Repeat("d", n)
				pad -= n + 1
			}
			s := transportSettings(dir)
			l := mustListen(t, Unix, "x", s)
			if got := len(l.Addr().String()); got != length {
				t.Fatalf("the path has %d bytes", got)
			}
			client, server := mustConnect(t, Unix, "x", s, l)
			for _, addr := range []string{client.RemoteAddr().String(), server.RemoteAddr().String()} {
				if want := dir + "/x.sock"; addr != want {
					t.Errorf("the address is %s, want %s", addr, want)
				}
			}
			_, err := listen(t.Context(), Unix, "x", s)
			wantError(t, err, ErrInUse)
			l.Close()
			wantFiles(t, dir)
			_, err = dial(t.Context(), Unix, "x", s)
			wantError(t, err, ErrNoServer, dir+"/x.sock does not exist")

			s.Unix.AutoRemoveSocket = false
			mustListen(t, Unix, "x", s).Close()
			mustListen(t, Unix, "x", s) // over the stale socket
		})
	}
}

func TestUnixFullBacklogIsLive(t *testing.T) {
	s := transportSettings(t.TempDir())
	fullServer(t, Unix, "x", s)
	_, err := listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, `event "x" is already served`)
	wantFiles(t, s.SocketDir, "x.sock")
}

func TestUnixForeignFiles(t *testing.T) {
	needRoot(t, "giving files to another user")
	for _, c := range []struct {
		name string
		make func(dir string) error // dir is "sockets" in an empty directory of ours
		as   int                    // who listens
		want error
		says string
	}{
		{"directory of another", func(d string) error {
			return errors.Join(os.Mkdir(d, 0o777), os.Chown(d, stranger, -1))
		}, 0, ErrNotAllowed, "belongs to uid 54321, not to uid 0"},
		{"directory of another that we cannot enter", func(d string) error {
			return errors.Join(os.Mkdir(d, 0o700), os.Chown(d, stranger+1, -1))
		}, stranger, ErrNotAllowed, "belongs to uid 54322, not to uid 54321"},
		{"link of another to ours", func(d string) error {
			return errors.Join(os.Mkdir(d+".real", 0o700), os.Symlink("sockets.real", d), os.Lchown(d, stranger, -1))
		}, 0, ErrNotAllowed, "symbolic link of uid 54321"},
		{"our link to one of another", func(d string) error {
			return errors.Join(os.Mkdir(d+".real", 0o700), os.Symlink("sockets.real", d), os.Chown(d+".real", stranger, -1))
		}, 0, ErrNotAllowed, "belongs to uid 54321"},
		{"our link to ours", func(d string) error {
			return errors.Join(os.Mkdir(d+".real", 0o700), os.Symlink("sockets.real", d))
		}, 0, nil, ""},
		{"root's that all write, sticky", func(d string) error {
			return errors.Join(os.Mkdir(d, 0o700), os.Chmod(d, 0o777|os.ModeSticky))
		}, stranger, nil, ""},
		{"root's that all write", func(d string) error {
			return errors.Join(os.Mkdir(d, 0o700), os.Chmod(d, 0o777))
		}, stranger, ErrNotAllowed, "not sticky"},
		{"root's that root writes", func(d string) error {
			return os.Mkdir(d, 0o755)
		}, stranger, ErrNotAllowed, "permission denied"},
		{"no right to create it", func(d string) error {
			return nil
		}, stranger, ErrNotAllowed, "permission denied"},
		{"lock of another", func(d string) error {
			lock := filepath.Join(d, "x.lock")
			return errors.Join(os.Mkdir(d, 0o700), os.WriteFile(lock, []byte("1\n"), 0o600), os.Chown(lock, stranger, -1))
		}, 0, ErrNotAllowed, "x.lock belongs to uid 54321"},
		{"socket of another in a sticky directory", func(d string) error {
			err := errors.Join(os.Mkdir(d, 0o700), os.Chmod(d, 0o777|os.ModeSticky))
			return errors.Join(err, syscall.Mknod(filepath.Join(d, "x.sock"), syscall.S_IFSOCK|0o666, 0),
				os.Chmod(filepath.Join(d, "x.sock"), 0o666))
		}, stranger, ErrNotAllowed, "x.sock: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := openTempDir(t, 0o755)
			s := transportSettings(filepath.Join(parent, "sockets"))
			if err := c.make(s.SocketDir); err != nil {
				t.Fatal(err)
			}
			asUser(t, c.as, func() {
				l, err := listen(t.Context(), Unix, "x", s)
				if err == nil {
					err = l.Close()
				}
				if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.says)) {
					t.Errorf("got %v, want %v saying %q", err, c.want, c.says)
				}
			})
		})
	}
}

// childEnv tells the test binary, started by a test, which part it plays, and
// in which directory.
const (
	childEnv    = "LIBSOCKET_TEST_CHILD"
	childDirEnv = "LIBSOCKET_TEST_DIR"
)

// childOf is the running test again, to be started as a process of its own.
func childOf(t *testing.T, dir string) *exec.Cmd {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childEnv+"="+t.Name(), childDirEnv+"="+dir)
	return child
}

// isChild tells that this process is one of childOf, and where it works.
func isChild(t *testing.T) (s *Settings, ok bool) {
	return transportSettings(os.Getenv(childDirEnv)), os.Getenv(childEnv) == t.Name()
}

// TestUnixKilledServer: a process that was killed leaves its files, and they
// are in nobody's way.
func TestUnixKilledServer(t *testing.T) {
	if s, ok := isChild(t); ok {
		mustListen(t, Unix, "x", s)
		fmt.Println("listening")
		select {} // until killed
	}
	s := transportSettings(t.TempDir())
	child := childOf(t, s.SocketDir)
	out, err := child.StdoutPipe()
	if err := errors.Join(err, child.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil { // "listening"
		t.Fatal(err)
	}
	_, err = listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, fmt.Sprintf(`event "x" is already served by pid %d (%s)`, child.Process.Pid, executable(os.Getpid())))

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // says that it was killed
	wantFiles(t, s.SocketDir, "x.lock", "x.sock")
	_, err = dial(t.Context(), Unix, "x", s)
	wantError(t, err, ErrNoServer)
	mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
}
