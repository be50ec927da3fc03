package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// oldServer listens the way a server does that knows no lock. What it leaves
// at its end is a stale socket.
func oldServer(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	return l
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// withUmask runs f under a umask. No test that uses it is parallel.
func withUmask(mask int, f func()) {
	defer syscall.Umask(syscall.Umask(mask))
	f()
}

func TestUnixLeavesNoFile(t *testing.T) {
	s := transportSettings(filepath.Join(t.TempDir(), "sockets"))
	l := mustListen(t, Unix, "x", s)
	wantFiles(t, s.SocketDir, "x.lock", "x.sock")
	l.Close()
	wantFiles(t, s.SocketDir)

	s.Unix.AutoRemoveSocket = false
	mustListen(t, Unix, "x", s).Close()
	wantFiles(t, s.SocketDir, "x.sock")
}

func TestUnixFailedListenLeavesNoFile(t *testing.T) {
	s := transportSettings(t.TempDir())
	if err := os.Mkdir(filepath.Join(s.SocketDir, "x.sock"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse)
	wantFiles(t, s.SocketDir, "x.sock")
}

func TestUnixSecondServerNamesTheFirst(t *testing.T) {
	s := transportSettings(t.TempDir())
	mustListen(t, Unix, "x", s)
	_, err := listen(t.Context(), Unix, "x", s)
	want := fmt.Sprintf(`event "x" is already served by pid %d`, os.Getpid())
	if path := executable(os.Getpid()); path != "" {
		want += " (" + path + ")"
	}
	wantError(t, err, ErrInUse)
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	mustListen(t, Unix, "y", s)
}

func TestUnixReplacesStaleFiles(t *testing.T) {
	s := transportSettings(t.TempDir())
	oldServer(t, filepath.Join(s.SocketDir, "x.sock")).Close()
	if err := os.WriteFile(filepath.Join(s.SocketDir, "x.lock"), []byte("4194304999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustListen(t, Unix, "x", s)
	mustConnect(t, Unix, "x", s, l)
	if pid, _ := os.ReadFile(filepath.Join(s.SocketDir, "x.lock")); string(pid) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("the lock file holds %q", pid)
	}
}

func TestUnixOldServerIsLive(t *testing.T) {
	s := transportSettings(t.TempDir())
	l := oldServer(t, filepath.Join(s.SocketDir, "x.sock"))
	_, err := listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, `event "x" is already served by`)
	wantFiles(t, s.SocketDir, "x.sock")
	if _, err := l.Accept(); err != nil { // the question itself
		t.Fatal(err)
	}
	mustConnect(t, Unix, "x", s, l)
}

func TestUnixDatagramSocketIsLive(t *testing.T) {
	s := transportSettings(t.TempDir())
	path := filepath.Join(s.SocketDir, "x.sock")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, `event "x" is already served by`)
	wantFiles(t, s.SocketDir, "x.sock")
}

// TestUnixLostLockFile: the lock file is only half of the protection.
func TestUnixLostLockFile(t *testing.T) {
	s := transportSettings(t.TempDir())
	l := mustListen(t, Unix, "x", s)
	if err := os.Remove(filepath.Join(s.SocketDir, "x.lock")); err != nil {
		t.Fatal(err)
	}
	_, err := listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, `event "x" is already served by`)
	l.Close()
	wantFiles(t, s.SocketDir)
}

// TestUnixStolenPath: an old server takes the path of a live one, and it is
// not for us to take it back.
func TestUnixStolenPath(t *testing.T) {
	s := transportSettings(t.TempDir())
	l := mustListen(t, Unix, "x", s)
	path := filepath.Join(s.SocketDir, "x.sock")
	os.Remove(path)
	thief := oldServer(t, path)
	l.Close()
	wantFiles(t, s.SocketDir, "x.sock")
	mustConnect(t, Unix, "x", s, thief)
}

// TestUnixDirectoryReplaced: what has come to the path of our directory is
// not ours, and what we left in the old one is still removed.
func TestUnixDirectoryReplaced(t *testing.T) {
	s := transportSettings(filepath.Join(t.TempDir(), "sockets"))
	first := mustListen(t, Unix, "x", s)
	if err := os.Rename(s.SocketDir, s.SocketDir+".old"); err != nil {
		t.Fatal(err)
	}
	second := mustListen(t, Unix, "x", s)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	wantFiles(t, s.SocketDir+".old")
	wantFiles(t, s.SocketDir, "x.lock", "x.sock")
	mustConnect(t, Unix, "x", s, second)
}

func TestUnixDirectoryRemoved(t *testing.T) {
	s := transportSettings(filepath.Join(t.TempDir(), "sockets"))
	l := mustListen(t, Unix, "x", s)
	os.RemoveAll(s.SocketDir)
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	mustListen(t, Unix, "x", s)
}

// TestUnixDirectoryReplacedWhileListening: a socket that was bound into
// another directory than the one with our lock is not served.
func TestUnixDirectoryReplacedWhileListening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sockets")
	dir, err := openSocketDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := errors.Join(os.Rename(path, path+".old"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	oldServer(t, filepath.Join(path, "x.sock"))
	_, err = publish(dir, "x", 0o600)
	wantError(t, err, ErrIO, path+" was replaced")
}

// TestUnixStaleSocketOfAnotherDirectory: that nobody listens at the path says
// nothing about the socket in a directory that is no longer there.
func TestUnixStaleSocketOfAnotherDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sockets")
	dir, err := openSocketDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	oldServer(t, dir.file("x.sock"))
	if err := errors.Join(os.Rename(path, path+".old"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	oldServer(t, dir.file("x.sock")).Close()
	wantError(t, clearStale(t.Context(), dir, "x"), ErrIO, path+" was replaced")
	wantFiles(t, path+".old", "x.sock")
	wantFiles(t, path, "x.sock")
}

func TestUnixPermissions(t *testing.T) {
	for _, perm := range []fs.FileMode{0o600, 0o660, 0o666, 0o777} {
		for _, mask := range []int{0, 0o022, 0o077} {
			t.Run(fmt.Sprintf("%o umask %03o", perm, mask), func(t *testing.T) {
				s := transportSettings(filepath.Join(t.TempDir(), "a", "b"))
				s.Unix.SocketPermissions = perm
				withUmask(mask, func() { mustListen(t, Unix, "x", s) })
				if got := mode(t, filepath.Join(s.SocketDir, "x.sock")); got != perm {
					t.Errorf("the socket is %o, want %o", got, perm)
				}
				if got := mode(t, filepath.Join(s.SocketDir, "x.lock")); got&0o077 != 0 {
					t.Errorf("the lock file is %o", got)
				}
				for _, dir := range []string{s.SocketDir, filepath.Dir(s.SocketDir)} {
					if got := mode(t, dir); got != 0o700 {
						t.Errorf("%s was created %o, want 700", dir, got)
					}
				}
			})
		}
	}
}

func TestUnixKeepsPermissionsOfDirectory(t *testing.T) {
	s := transportSettings(t.TempDir())
	if err := os.Chmod(s.SocketDir, 0o750); err != nil {
		t.Fatal(err)
	}
	mustListen(t, Unix, "x", s)
	if got := mode(t, s.SocketDir); got != 0o750 {
		t.Errorf("a directory that was there is now %o", got)
	}
}

// TestUnixNeverWider looks at the file as it is made, before publish gives it
// its permissions, with no umask to help.
func TestUnixNeverWider(t *testing.T) {
	dir, err := openSocketDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	withUmask(0, func() {
		l, err := bindSocket(t.Context(), dir, "x", 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got := mode(t, dir.file("x.sock")); got != 0o600 {
			t.Errorf("the socket was made %o", got)
		}
	})
}

func TestUnixNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		s := transportSettings(dir)
		_, err := listen(t.Context(), Unix, "x", s)
		wantError(t, err, ErrIO, "socket_dir "+dir)
		_, err = dial(t.Context(), Unix, "x", s)
		wantError(t, err, ErrNoServer)
	}
}

func TestUnixDialErrors(t *testing.T) {
	s := transportSettings(t.TempDir())
	path := filepath.Join(s.SocketDir, "x.sock")
	_, err := dial(t.Context(), Unix, "x", s)
	wantError(t, err, ErrNoServer)
	if want := `nobody serves "x": ` + path + ` does not exist`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	oldServer(t, path).Close()
	_, err = dial(t.Context(), Unix, "x", s)
	wantError(t, err, ErrNoServer, `nobody serves "x": `+path)
}

// TestUnixRelativeDirectory: "@" at the start of an address would mean a
// socket without a file.
func TestUnixRelativeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	s := transportSettings("@sockets")
	mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	wantFiles(t, "@sockets", "x.lock", "x.sock")
}
