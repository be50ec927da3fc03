package socket

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// watchEvents are the changes of a directory that can bring a socket, or
	// the directory it will be in, or take it away. A server's change of
	// permissions (IN_ATTRIB) comes after it has begun to listen.
	watchEvents = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM | syscall.IN_DELETE |
		syscall.IN_ATTRIB | syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF | syscall.IN_ONLYDIR
	// watchLost are the events after which the watch must be set anew.
	watchLost = syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF | syscall.IN_IGNORED | syscall.IN_UNMOUNT
	// watchRetry is how long until the watch is looked after when it cannot
	// be set now, or when the directory may be about to go.
	watchRetry = time.Second
)

// An inotify watches one directory at a time: that of the socket, or while it
// is missing the nearest one above, for the next one on the way down. A
// directory of which a parent is renamed goes unnoticed.
type inotify struct {
	file  *os.File
	dir   string // of the socket, absolute
	name  string // of the socket
	wd    int    // the watch, -1: none
	at    string // the watched directory
	entry string // the name to look for in it
	due   bool   // to be looked after in watchRetry
	tick  chan struct{}
}

// watchSocket watches for the socket file. Its goroutine belongs to the watch
// and ends with Close.
func watchSocket(dir, name string) *serverWatch {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return &serverWatch{}
	}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return &serverWatch{} // the user's limit of instances
	}
	w := &inotify{
		file: os.NewFile(uintptr(fd), "inotify"), dir: dir, name: name, wd: -1,
		tick: make(chan struct{}, 1),
	}
	if !w.arm() {
		w.file.Close()
		return &serverWatch{}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer recovered(slog.New(slog.DiscardHandler), "watch")
		w.run()
	}()
	return &serverWatch{C: w.tick, stop: func() {
		w.file.Close()
		<-done
	}}
}

// run reads events until the file is closed.
func (w *inotify) run() {
	buf := make([]byte, 16<<10)
	for {
		n, err := w.file.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.lookAfter()
		case err != nil:
			return
		default:
			w.handle(buf[:n])
		}
	}
}

// handle looks through a batch of events.
func (w *inotify) handle(events []byte) {
	var relevant, gone, lost bool
	for len(events) >= syscall.SizeofInotifyEvent {
		wd := int(int32(binary.NativeEndian.Uint32(events[0:])))
		mask := binary.NativeEndian.Uint32(events[4:])
		end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name := strings.TrimRight(string(events[syscall.SizeofInotifyEvent:end]), "\x00")
		events = events[end:]
		switch {
		case mask&syscall.IN_Q_OVERFLOW != 0:
			lost = true
		case wd != w.wd: // left over from a watch that was given up
		case mask&watchLost != 0:
			lost = true
		default:
			relevant = relevant || name == w.entry
			gone = gone || mask&(syscall.IN_DELETE|syscall.IN_MOVED_FROM) != 0
		}
	}
	if lost || relevant && w.at != w.dir {
		w.rearm()
		return
	}
	if gone {
		// The directory may go next, and as long as a process has it open
		// the system does not tell.
		w.lookAfterSoon()
	}
	if relevant {
		w.notify()
	}
}

// notify puts a tick into the channel, unless one is waiting there.
func (w *inotify) notify() {
	select {
	case w.tick <- struct{}{}:
	default:
	}
}

// lookAfter sets the watch anew unless it is on the right directory still.
func (w *inotify) lookAfter() {
	w.due = false
	_ = w.file.SetReadDeadline(time.Time{})
	if before := w.wd; before != -1 {
		if w.watch(w.at) == nil && w.wd == before {
			return // watched twice, a directory has one watch
		}
		w.forget()
		w.wd = before
	}
	w.rearm()
}

func (w *inotify) lookAfterSoon() {
	if !w.due {
		w.due = true
		_ = w.file.SetReadDeadline(time.Now().Add(watchRetry))
	}
}

// rearm sets the watch anew. What happened meanwhile is not known, so there
// is a tick; and when nothing can be watched there is one every watchRetry.
func (w *inotify) rearm() {
	if !w.arm() {
		w.lookAfterSoon()
	}
	w.notify()
}

// arm watches the directory of the socket, or the nearest above it that there
// is. It returns false when the system does not let us.
func (w *inotify) arm() bool {
	for {
		w.forget()
		dir, entry := w.dir, w.name
		for {
			err := w.watch(dir)
			if err == nil {
				break
			}
			if err != syscall.ENOENT && err != syscall.ENOTDIR || dir == "/" {
				return false
			}
			dir, entry = filepath.Dir(dir), filepath.Base(dir)
		}
		w.at, w.entry = dir, entry
		if dir == w.dir {
			return true
		}
		// The next directory may have come before the watch was there.
		info, err := os.Stat(filepath.Join(dir, entry))
		if err != nil || !info.IsDir() {
			return true
		}
	}
}

// forget gives up the watch, if there is one.
func (w *inotify) forget() {
	if w.wd == -1 {
		return
	}
	_ = w.control(func(fd int) error {
		_, err := syscall.InotifyRmWatch(fd, uint32(w.wd))
		return err
	})
	w.wd = -1
}

func (w *inotify) watch(dir string) error {
	return w.control(func(fd int) (err error) {
		w.wd, err = syscall.InotifyAddWatch(fd, dir, watchEvents)
		return err
	})
}

// control runs f on the descriptor, which stays open that long.
func (w *inotify) control(f func(fd int) error) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
