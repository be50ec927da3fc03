package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A nameLock is the ownership of an event's name in a directory: an exclusive
// flock on <event>.lock, held for the life of the server. The kernel lets go
// of it when the process ends, however it ends. The file holds the owner's
// process id, for people and for the error text of the next who tries.
//
// The owner removes the file before it lets go of the lock, so that nothing is
// left behind. Someone who opened the file just before then gets the lock of a
// file that is gone; that is why a lock counts only while the file is still
// there under its name.
type nameLock struct {
	dir  *socketDir
	name string
	file *os.File
}

// lockName is the file name of the lock on an event's name.
func lockName(event string) string { return event + ".lock" }

// acquireName takes the name of the event, or returns ErrInUse when it is
// taken. It never waits for it.
func acquireName(ctx context.Context, dir *socketDir, event string) (*nameLock, error) {
	l := &nameLock{dir: dir, name: lockName(event)}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := l.open(); err != nil {
			return nil, err
		}
		won, err := l.take(event)
		if won {
			return l, nil
		}
		l.file.Close()
		if err != nil {
			return nil, err
		}
	}
}

// take locks the opened file. It returns false, and no error, when the owner
// removed the file in between.
func (l *nameLock) take(event string) (won bool, err error) {
	if err := flock(l.file); err == syscall.EWOULDBLOCK {
		return false, servedBy(event, l.holder())
	} else if err != nil {
		return false, fail(ErrIO, "cannot lock %s: %w", l.path(), err)
	}
	if !l.stillThere() {
		return false, nil
	}
	// Written over the old number before what is left of that is cut off, so
	// that a reader never finds the file empty.
	pid := strconv.Itoa(os.Getpid()) + "\n"
	_, err = l.file.WriteAt([]byte(pid), 0)
	if err == nil {
		err = l.file.Truncate(int64(len(pid)))
	}
	if err != nil {
		_ = l.dir.Remove(l.name) // ours: nobody else holds the lock
		return false, fail(ErrIO, "cannot write %s: %w", l.path(), cause(err))
	}
	return true, nil
}

// open opens or creates the lock file, which must be a plain file of our own:
// in a directory that others may write to it could be a trap.
func (l *nameLock) open() error {
	if info, err := l.dir.Lstat(l.name); err == nil {
		if err := checkLockFile(l.path(), info); err != nil {
			return err
		}
	}
	file, err := l.dir.OpenFile(l.name, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return openError(l.path(), err)
	}
	info, err := file.Stat()
	if err == nil {
		err = checkLockFile(l.path(), info)
	}
	if err != nil {
		file.Close()
		return err
	}
	l.file = file
	return nil
}

func checkLockFile(path string, info fs.FileInfo) error {
	owner := ownerOf(info)
	switch {
	case !info.Mode().IsRegular():
		return fail(ErrNotAllowed, "%s is a %s, where a lock file is expected: it is left alone", path, kindOf(info.Mode()))
	case owner.uid != os.Geteuid():
		return fail(ErrNotAllowed, "%s belongs to uid %d, not to uid %d", path, owner.uid, os.Geteuid())
	case owner.links > 1:
		return fail(ErrNotAllowed, "%s has a second name, where a lock file is expected: it is left alone", path)
	}
	return nil
}

// holder reads who holds the lock. The number is there a moment after the
// lock, and what is read until then may be left from an owner that crashed.
func (l *nameLock) holder() int {
	pid := 0
	for range 20 {
		pid = lockedBy(l.file)
		if pid > 0 && isRunning(pid) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return pid
}

// lockedBy reads the process id in a lock file, 0 if there is none.
func lockedBy(file *os.File) int {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	pid, _ := strconv.Atoi(line)
	return pid
}

// lockHolder reads from the lock file of an event who holds it, 0 when it cannot
// be read. It does not touch the lock: a server that is just starting must find
// it free.
func lockHolder(dir, event string) (pid int, there bool) {
	path := filepath.Join(dir, lockName(event))
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, true
	}
	defer file.Close()
	return lockedBy(file), true
}

// servedByLocker reports whether the process at the other end of a connection
// is the one that the lock file names: then it is no server of before the lock
// file. Where this cannot be told it is false.
func servedByLocker(dir, event string, peer int) bool {
	pid, _ := lockHolder(dir, event)
	return peer > 0 && pid == peer
}

// stillThere tells whether the locked file is the one that has the name.
func (l *nameLock) stillThere() bool {
	locked, err := l.file.Stat()
	if err != nil {
		return false
	}
	named, err := l.dir.Lstat(l.name)
	return err == nil && os.SameFile(locked, named)
}

// release gives the name back and leaves no file.
func (l *nameLock) release() error {
	var err error
	if l.stillThere() {
		err = l.dir.Remove(l.name)
	}
	return errors.Join(err, l.file.Close())
}

func (l *nameLock) path() string { return l.dir.file(l.name) }

// flock takes the exclusive lock without waiting.
func flock(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = raw.Control(func(fd uintptr) {
		for {
			locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
			if locked != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return locked
}

func isRunning(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }

// servedBy is the error that says who serves the event already.
func servedBy(event string, pid int) error {
	if pid <= 0 {
		return fail(ErrInUse, "event %q is already served by another process", event)
	}
	who := fmt.Sprintf("pid %d", pid)
	if path := executable(pid); path != "" {
		who += " (" + path + ")"
		if isStopped(pid) {
			who += ", which is stopped"
		}
	} else if !isRunning(pid) {
		who += " (which has ended; a process it forked may hold it)"
	}
	return fail(ErrInUse, "event %q is already served by %s", event, who)
}
