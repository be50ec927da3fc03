package socket

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// bindOnly makes a socket file, as the system does it: nobody listens.
func bindOnly(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0); err != nil {
		t.Fatal(err)
	}
}

// awaitState waits for a tick at which the condition holds, the way a client
// uses the watch: a change that nobody is told of is never found.
func awaitState(t *testing.T, w *serverWatch, what string, holds func() bool) {
	t.Helper()
	tooLong := time.After(10 * time.Second)
	for {
		select {
		case <-w.C:
			if holds() {
				return
			}
		case <-tooLong:
			t.Fatalf("no tick: %s", what)
		}
	}
}

// watched is a watch for x.sock in a directory, and what its ticks show.
type watched struct {
	*testing.T
	*serverWatch
	s *Settings
}

// startWatch watches below a new directory.
func startWatch(t *testing.T, below string, prepare func(dir string)) watched {
	t.Helper()
	s := transportSettings(filepath.Join(t.TempDir(), below))
	prepare(s.SocketDir)
	w := watchServer(Unix, "x", s)
	t.Cleanup(w.Close)
	if w.C == nil {
		t.Fatal("nothing is watched")
	}
	return watched{t, w, s}
}

func (w watched) socket() string { return filepath.Join(w.s.SocketDir, "x.sock") }

func (w watched) awaitThere() {
	w.Helper()
	awaitState(w.T, w.serverWatch, "the socket is there", func() bool {
		_, ok := socketIdentity(Unix, "x", w.s)
		return ok
	})
}

func (w watched) awaitGone() {
	w.Helper()
	awaitState(w.T, w.serverWatch, "the socket is gone", func() bool {
		_, ok := socketIdentity(Unix, "x", w.s)
		return !ok
	})
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func nothing(string) {}

func TestWatchCreatedAndRemoved(t *testing.T) {
	w := startWatch(t, "sockets", func(dir string) { mkdir(t, dir) })
	for range 3 {
		bindOnly(t, w.socket())
		w.awaitThere()
		os.Remove(w.socket())
		w.awaitGone()
	}
}

func TestWatchRenamedOver(t *testing.T) {
	w := startWatch(t, "sockets", func(dir string) {
		mkdir(t, dir)
		bindOnly(t, filepath.Join(dir, "x.sock"))
	})
	before, _ := socketIdentity(Unix, "x", w.s)
	bindOnly(t, w.socket()+".new")
	if err := os.Rename(w.socket()+".new", w.socket()); err != nil {
		t.Fatal(err)
	}
	awaitState(t, w.serverWatch, "the socket is another", func() bool {
		after, ok := socketIdentity(Unix, "x", w.s)
		return ok && after != before
	})
}

// TestWatchListening: a server is announced when it listens, not only when
// its file appears, so that the client which comes at once is let in.
func TestWatchListening(t *testing.T) {
	w := startWatch(t, "sockets", func(dir string) { mkdir(t, dir) })
	mustListen(t, Unix, "x", w.s)
	awaitState(t, w.serverWatch, "the server can be reached", func() bool {
		c, err := dial(t.Context(), Unix, "x", w.s)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func TestWatchMissingDirectory(t *testing.T) {
	w := startWatch(t, "a/b/sockets", nothing)
	for _, dir := range []string{"../..", "..", "."} {
		dir = filepath.Join(w.s.SocketDir, dir)
		mkdir(t, dir)
		awaitState(t, w.serverWatch, dir+" is there", func() bool { return true })
	}
	bindOnly(t, w.socket())
	w.awaitThere()
}

// TestWatchRace makes the directory while the watch is being set: if it is
// not found, its coming must be an event.
func TestWatchRace(t *testing.T) {
	s := transportSettings(filepath.Join(t.TempDir(), "sockets"))
	w := newInotify(t, s)
	for range 200 {
		made := make(chan error, 1)
		go func() { made <- os.Mkdir(s.SocketDir, 0o700) }() // ends when it is made
		for there := false; !there; {
			if !w.arm() {
				t.Fatal("nothing is watched")
			}
			_, err := os.Stat(s.SocketDir)
			there = err == nil
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
		if w.at != s.SocketDir && !pendingTick(w) {
			t.Fatal("the directory is there, and the watch will never know")
		}
		if err := os.Remove(s.SocketDir); err != nil {
			t.Fatal(err)
		}
		pendingTick(w) // of the removal
	}
}

// pendingTick handles the events that are there and tells whether they gave a
// tick.
func pendingTick(w *inotify) bool {
	buf := make([]byte, 64<<10)
	_ = w.control(func(fd int) error {
		n, err := syscall.Read(fd, buf)
		buf = buf[:max(n, 0)]
		return err
	})
	w.handle(buf)
	select {
	case <-w.tick:
		return true
	default:
		return false
	}
}

func TestWatchDirectoryMovedIntoPlace(t *testing.T) {
	w := startWatch(t, "a/sockets", nothing)
	parent := filepath.Dir(w.s.SocketDir)
	mkdir(t, parent+".new/sockets")
	bindOnly(t, parent+".new/sockets/x.sock")
	if err := os.Rename(parent+".new", parent); err != nil {
		t.Fatal(err)
	}
	w.awaitThere()
}

func TestWatchDirectoryRecreated(t *testing.T) {
	w := startWatch(t, "a/sockets", func(dir string) { mkdir(t, dir) })
	for range 3 {
		bindOnly(t, w.socket())
		w.awaitThere()
		os.RemoveAll(filepath.Dir(w.s.SocketDir))
		w.awaitGone()
		mkdir(t, w.s.SocketDir)
	}
	bindOnly(t, w.socket())
	w.awaitThere()
}

func TestWatchDirectoryMovedAway(t *testing.T) {
	w := startWatch(t, "sockets", func(dir string) {
		mkdir(t, dir)
		bindOnly(t, filepath.Join(dir, "x.sock"))
	})
	if err := os.Rename(w.s.SocketDir, w.s.SocketDir+".old"); err != nil {
		t.Fatal(err)
	}
	w.awaitGone()
	mkdir(t, w.s.SocketDir)
	bindOnly(t, w.socket())
	w.awaitThere()
}

// TestWatchDirectoryHeldOpen: while a process has the directory open, the
// system does not tell that it was removed.
func TestWatchDirectoryHeldOpen(t *testing.T) {
	for _, event := range []string{"x", "y"} { // ours; another's
		t.Run(event, func(t *testing.T) {
			w := startWatch(t, "sockets", func(dir string) { mkdir(t, dir) })
			mustListen(t, Unix, event, w.s) // holds the directory
			os.RemoveAll(w.s.SocketDir)
			mkdir(t, w.s.SocketDir)
			bindOnly(t, w.socket())
			w.awaitThere()
			os.Remove(w.socket())
			w.awaitGone()
		})
	}
}

// TestWatchRetries: when the directory cannot be watched there is no event
// to wait for, and it is tried again after a while.
func TestWatchRetries(t *testing.T) {
	s := transportSettings(filepath.Join(t.TempDir(), "sockets"))
	mkdir(t, s.SocketDir)
	w := newInotify(t, s)
	if err := errors.Join(os.Remove(s.SocketDir), os.Symlink("sockets", s.SocketDir)); err != nil {
		t.Fatal(err)
	}
	w.rearm()
	<-w.tick
	if w.wd != -1 {
		t.Fatal("a link to itself is watched")
	}
	if err := os.Remove(s.SocketDir); err != nil {
		t.Fatal(err)
	}
	mkdir(t, s.SocketDir)
	bindOnly(t, filepath.Join(s.SocketDir, "x.sock"))
	ended := make(chan struct{})
	go func() { // ends when the file is closed
		defer close(ended)
		w.run()
	}()
	watched{t, &serverWatch{C: w.tick}, s}.awaitThere()
	w.file.Close()
	<-ended
}

// newInotify is a watch without its goroutine.
func newInotify(t *testing.T, s *Settings) *inotify {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	w := &inotify{file: os.NewFile(uintptr(fd), "inotify"), dir: s.SocketDir, name: "x.sock", wd: -1,
		tick: make(chan struct{}, 1)}
	t.Cleanup(func() { w.file.Close() })
	if !w.arm() {
		t.Fatal("nothing is watched")
	}
	return w
}

func TestWatchCloseIsFinal(t *testing.T) {
	w := startWatch(t, "sockets", func(dir string) { mkdir(t, dir) })
	w.Close()
	w.Close()
	bindOnly(t, w.socket())
	select {
	case <-w.C:
		t.Error("a tick after Close")
	default:
	}
}

func TestWatchNothing(t *testing.T) {
	w := watchServer(TCP, "x", transportSettings(t.TempDir()))
	if w.C != nil {
		t.Error("there is something to watch for TCP")
	}
	w.Close()
}

// TestWatchLimit: who has used up the system's instances polls.
func TestWatchLimit(t *testing.T) {
	s := transportSettings(openTempDir(t, 0o755))
	asUser(t, stranger, func() { // whose limit is nobody else's
		var all []int
		defer func() {
			for _, fd := range all {
				syscall.Close(fd)
			}
		}()
		for range 100_000 {
			fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
			if err != nil {
				break
			}
			all = append(all, fd)
		}
		w := watchServer(Unix, "x", s)
		defer w.Close()
		if w.C != nil {
			t.Error("watches although the limit is reached")
		}
	})
}

func TestWatchUnreadableDirectory(t *testing.T) {
	s := transportSettings(openTempDir(t, 0o711))
	asUser(t, stranger, func() {
		w := watchServer(Unix, "x", s)
		defer w.Close()
		if w.C != nil {
			t.Error("watches a directory that it may not read")
		}
	})
}

func TestWatchEvents(t *testing.T) {
	event := func(wd int32, mask uint32, name string) []byte {
		b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
		b = binary.NativeEndian.AppendUint32(b, mask)
		b = binary.NativeEndian.AppendUint32(b, 0)
		padded := (len(name) + 16) &^ 15
		b = binary.NativeEndian.AppendUint32(b, uint32(padded))
		return append(append(b, name...), make([]byte, padded-len(name))...)
	}
	for _, c := range []struct {
		name   string
		events [][]byte
		tick   bool
	}{
		{"ours", [][]byte{event(1, syscall.IN_CREATE, "x.sock")}, true},
		{"another's", [][]byte{event(1, syscall.IN_CREATE, "xx.sock")}, false},
		{"ours among others", [][]byte{event(1, syscall.IN_CREATE, "y.sock"),
			event(1, syscall.IN_MOVED_TO, "x.sock"), event(1, syscall.IN_DELETE, "a-rather-long-name.lock")}, true},
		{"of a watch given up", [][]byte{event(7, syscall.IN_CREATE, "x.sock"), event(7, syscall.IN_IGNORED, "")}, false},
		{"of the directory itself", [][]byte{event(1, syscall.IN_ATTRIB, "")}, false},
		{"some were lost", [][]byte{event(-1, syscall.IN_Q_OVERFLOW, "")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newInotify(t, transportSettings(t.TempDir()))
			if w.wd != 1 {
				t.Fatalf("the watch is %d", w.wd)
			}
			var batch []byte
			for _, e := range c.events {
				batch = append(batch, e...)
			}
			w.handle(batch)
			if got := len(w.tick) == 1; got != c.tick {
				t.Errorf("tick: %v, want %v", got, c.tick)
			}
		})
	}
}

func TestSocketIdentity(t *testing.T) {
	s := transportSettings(t.TempDir())
	path := filepath.Join(s.SocketDir, "x.sock")
	if id, ok := socketIdentity(Unix, "x", s); ok {
		t.Errorf("of nothing: %+v", id)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if id, ok := socketIdentity(Unix, "x", s); ok {
		t.Errorf("of a regular file: %+v", id)
	}
	os.Remove(path)
	if id, ok := socketIdentity(TCP, "x", s); ok {
		t.Errorf("for TCP: %+v", id)
	}

	// An old server that was stopped but holds its connections, and then one
	// more: the file is another, even on a system that uses numbers again.
	old := oldServer(t, path)
	first, ok := socketIdentity(Unix, "x", s)
	if again, _ := socketIdentity(Unix, "x", s); !ok || again != first {
		t.Errorf("%+v becomes %+v", first, again)
	}
	mustConnect(t, Unix, "x", s, net.Listener(old))
	old.Close()
	for range 20 {
		os.Remove(path)
		bindOnly(t, path)
		if second, ok := socketIdentity(Unix, "x", s); !ok || second == first {
			t.Fatal("the new file looks like the old one")
		}
	}
}
