package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// touchedPaths is every path that a server or client touches, below the parent
// of socket_dir. TestEveryPathIsListed holds it against what the system saw.
var touchedPaths = []string{"sockets", "sockets/x.lock", "sockets/x.sock"}

// A trap is something that lies where the library expects a file of its own.
// The sockets belong into "sockets"; "precious" is a file beside it, "live" a
// socket that we serve, "elsewhere" is not there.
type trap struct {
	path  string // one of touchedPaths
	name  string
	plant func(at string) error
	as    int  // who comes upon it; 0: who runs the test
	root  bool // only root can plant it
	want  error
	says  string
}

func symlink(target string) func(string) error {
	return func(at string) error { return os.Symlink(target, at) }
}

// owned makes what was planted another user's.
func owned(uid int, plant func(string) error) func(string) error {
	return func(at string) error { return errors.Join(plant(at), os.Lchown(at, uid, uid)) }
}

func directory(perm fs.FileMode) func(string) error {
	return func(at string) error { return errors.Join(os.Mkdir(at, 0o700), os.Chmod(at, perm)) }
}

func file(at string) error { return os.WriteFile(at, []byte("1\n"), 0o600) }
func pipe(at string) error { return syscall.Mkfifo(at, 0o600) }

func second(of string) func(string) error {
	return func(at string) error { return os.Link(filepath.Join(filepath.Dir(at), of), at) }
}

func socketNode(at string) error {
	return errors.Join(syscall.Mknod(at, syscall.S_IFSOCK|0o666, 0), os.Chmod(at, 0o666))
}

// serverTraps are what a server may come upon.
var serverTraps = []trap{
	{"sockets", "file", file, 0, false, ErrIO, "socket_dir "},
	{"sockets", "link to nothing", symlink("elsewhere"), 0, false, ErrIO, "socket_dir "},
	{"sockets", "link to a file", symlink("precious"), 0, false, ErrIO, "socket_dir "},
	{"sockets", "our link to ours", symlink("real"), 0, false, nil, ""},
	{"sockets", "ours that our group writes", directory(0o770), 0, false, nil, ""},
	{"sockets", "ours that all write", directory(0o777), 0, false, ErrNotAllowed, "not sticky"},
	{"sockets", "ours that all write, sticky", directory(0o777 | fs.ModeSticky), 0, false, nil, ""},
	{"sockets", "directory of another", owned(stranger, directory(0o777)), 0, true, ErrNotAllowed, "belongs to uid 54321, not to uid 0"},
	{"sockets", "directory of another that we cannot enter", owned(stranger+1, directory(0o700)), stranger, true, ErrNotAllowed, "belongs to uid 54322, not to uid 54321"},
	{"sockets", "link of another to ours", owned(stranger, symlink("real")), 0, true, ErrNotAllowed, "symbolic link of uid 54321"},
	{"sockets", "our link to one of another", symlink("foreign"), 0, true, ErrNotAllowed, "belongs to uid 54321"},
	{"sockets", "root's that all write, sticky", directory(0o777 | fs.ModeSticky), stranger, true, nil, ""},
	{"sockets", "root's that all write", directory(0o777), stranger, true, ErrNotAllowed, "not sticky"},
	{"sockets", "root's that a group writes", directory(0o775), stranger, true, ErrNotAllowed, "not sticky"},
	{"sockets", "root's that root writes", directory(0o755), stranger, true, ErrNotAllowed, "permission denied"},
	{"sockets", "nothing, and no right to make it", func(string) error { return nil }, stranger, true, ErrNotAllowed, "permission denied"},

	{"sockets/x.lock", "directory", directory(0o700), 0, false, ErrNotAllowed, "x.lock is a directory"},
	{"sockets/x.lock", "link to a file", symlink("../precious"), 0, false, ErrNotAllowed, "x.lock is a symbolic link"},
	{"sockets/x.lock", "link to nothing", symlink("../elsewhere"), 0, false, ErrNotAllowed, "x.lock is a symbolic link"},
	{"sockets/x.lock", "named pipe", pipe, 0, false, ErrNotAllowed, "x.lock is a named pipe"},
	{"sockets/x.lock", "socket", socketNode, 0, true, ErrNotAllowed, "x.lock is a socket"},
	{"sockets/x.lock", "second name of a file", second("../precious"), 0, false, ErrNotAllowed, "x.lock has a second name"},
	{"sockets/x.lock", "lock of another", owned(stranger, file), 0, true, ErrNotAllowed, "x.lock belongs to uid 54321"},

	{"sockets/x.sock", "regular file", file, 0, false, ErrInUse, "x.sock is a regular file"},
	{"sockets/x.sock", "directory", directory(0o700), 0, false, ErrInUse, "x.sock is a directory"},
	{"sockets/x.sock", "named pipe", pipe, 0, false, ErrInUse, "x.sock is a named pipe"},
	{"sockets/x.sock", "link to a file", symlink("../precious"), 0, false, ErrInUse, "x.sock is a symbolic link"},
	{"sockets/x.sock", "link to nothing", symlink("../elsewhere"), 0, false, ErrInUse, "x.sock is a symbolic link"},
	{"sockets/x.sock", "link to a live socket", symlink("../live"), 0, false, ErrInUse, "x.sock is a symbolic link"},
	{"sockets/x.sock", "second name of a live socket", second("../live"), 0, false, ErrInUse, `"x" is already served`},
	{"sockets/x.sock", "socket of another", owned(stranger, socketNode), stranger + 1, true, ErrNotAllowed, "x.sock: "},
}

// clientTraps are what a client may come upon.
var clientTraps = []trap{
	{"sockets", "file", file, 0, false, ErrNoServer, "x.sock does not exist"},
	{"sockets", "link to nothing", symlink("elsewhere"), 0, false, ErrNoServer, "x.sock does not exist"},
	{"sockets/x.sock", "regular file", file, 0, false, ErrNoServer, "x.sock is a regular file, not a socket"},
	{"sockets/x.sock", "directory", directory(0o700), 0, false, ErrNoServer, "x.sock is a directory, not a socket"},
	{"sockets/x.sock", "named pipe", pipe, 0, false, ErrNoServer, "x.sock is a named pipe, not a socket"},
	{"sockets/x.sock", "link to a file", symlink("../precious"), 0, false, ErrNoServer, "x.sock is a regular file, not a socket"},
	{"sockets/x.sock", "link to nothing", symlink("../elsewhere"), 0, false, ErrNoServer, "x.sock does not exist"},
	{"sockets/x.sock", "socket that nobody serves", socketNode, 0, true, ErrNoServer, "left from a server that is gone"},
	{"sockets/x.sock", "our link to a live socket", symlink("../live"), 0, false, nil, ""},
	{"sockets/x.sock", "link of another to a live socket", owned(stranger, symlink("../live")), 0, true, ErrNotAllowed, "x.sock is a symbolic link of uid 54321"},
}

// TestUnixTraps plants something at every path the library touches. It says
// what is wrong, follows nothing, and leaves everything as it was.
func TestUnixTraps(t *testing.T) {
	open := map[string]func(t *testing.T, s *Settings) error{
		"server": func(t *testing.T, s *Settings) error {
			l, err := listen(t.Context(), Unix, "x", s)
			if err == nil {
				err = l.Close()
			}
			return err
		},
		"client": func(t *testing.T, s *Settings) error {
			c, err := dial(t.Context(), Unix, "x", s)
			if err == nil {
				err = c.Close()
			}
			return err
		},
	}
	for role, traps := range map[string][]trap{"server": serverTraps, "client": clientTraps} {
		for _, c := range traps {
			t.Run(role+"/"+c.path+"/"+c.name, func(t *testing.T) {
				if c.root {
					needRoot(t, "planting what belongs to another user")
				}
				top := openTempDir(t, 0o755)
				s := transportSettings(filepath.Join(top, "sockets"))
				furnish(t, top)
				if c.path != "sockets" {
					perm := fs.FileMode(0o700)
					if c.as != 0 {
						perm = 0o777 | fs.ModeSticky
					}
					require.NoError(t, directory(perm)(s.SocketDir))
				}
				require.NoError(t, c.plant(filepath.Join(top, c.path)))
				before := everything(t, top)
				check := func() {
					err := open[role](t, s)
					if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.says)) {
						t.Errorf("got %v, want %v saying %q", err, c.want, c.says)
					}
				}
				if c.root {
					asUser(t, c.as, check)
				} else {
					check()
				}
				require.Equal(t, before, everything(t, top))
			})
		}
	}
}

// TestEveryTouchedPathHasALink: whatever else is tried, a symbolic link is.
func TestEveryTouchedPathHasALink(t *testing.T) {
	for _, path := range touchedPaths {
		linked := false
		for _, c := range serverTraps {
			linked = linked || c.path == path && strings.Contains(c.name, "link")
		}
		require.True(t, linked, path)
	}
}

// furnish puts into the directory what traps may point at.
func furnish(t *testing.T, top string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(top, "precious"), []byte("data"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(top, "real"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(top, "foreign"), 0o700))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(filepath.Join(top, "foreign"), stranger, -1))
	}
	oldServer(t, filepath.Join(top, "live"))
}

// everything says of each file below top what it is and what it holds.
func everything(t *testing.T, top string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		holds := ""
		switch info.Mode().Type() {
		case 0:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			holds = string(data)
		case fs.ModeSymlink:
			holds, err = os.Readlink(path)
		}
		found[strings.TrimPrefix(path, top)] = fmt.Sprintf("%v inode %d of %d:%d: %q", info.Mode(), st.Ino, st.Uid, st.Gid, holds)
		return err
	}))
	return found
}
