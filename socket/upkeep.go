package socket

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

// The files of a server may lie in a directory that is cleaned, as /tmp is. A
// server on a Unix socket therefore looks after them from time to time: the
// lock file is kept young, and made again when it is gone. A socket file cannot
// be made again; who reads the log is told.

// upkeepInterval is how often. Cleaners remove what is some days old.
const upkeepInterval = time.Hour

// upkeep looks after the files every so often, until Close. Between two looks
// there is a timer and no goroutine.
func (l *ownListener) upkeep(every time.Duration, logger *slog.Logger) {
	l.looking.Lock()
	defer l.looking.Unlock()
	l.timer = time.AfterFunc(every, func() {
		defer recovered(logger, "upkeep")
		l.looking.Lock()
		defer l.looking.Unlock()
		if l.timer != nil {
			l.look(logger)
			l.timer.Reset(every)
		}
	})
}

// stopUpkeep waits for the look that is being taken.
func (l *ownListener) stopUpkeep() {
	l.looking.Lock()
	defer l.looking.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// look takes one look at the files, called with looking.
func (l *ownListener) look(logger *slog.Logger) {
	path := l.dir.file(socketName(l.event))
	if err := l.socketThere(path); err != nil {
		logger.Error("no client can find this server any more: close it and open it again", "path", path, "error", err)
		return
	}
	if l.lock.stillThere() {
		now := time.Now()
		if err := l.dir.Chtimes(l.lock.name, now, now); err != nil {
			logger.Warn("the lock file could not be touched, and may be cleaned away", "path", l.lock.path(), "error", cause(err))
		}
		return
	}
	if err := l.lockAgain(); err != nil {
		logger.Warn("the lock file was removed, and could not be made again yet", "path", l.lock.path(), "error", err)
		return
	}
	logger.Warn("the lock file was removed, and is there again: something cleans the directory", "path", l.lock.path())
}

// socketThere returns why the path does not lead to the socket file we made.
func (l *ownListener) socketThere(path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("the socket file was removed")
	case err != nil:
		return cause(err)
	case !os.SameFile(file, l.file):
		return errors.New("another file is in the place of the socket file")
	}
	return nil
}

// lockAgain takes the name anew, as any server does that opens. Whoever is
// about to open another one may be first, and have the lock: it then finds the
// socket file and us behind it, does not serve, and gives the lock back. So
// only a lock that was won takes the place of the old one.
func (l *ownListener) lockAgain() error {
	lock, err := acquireName(context.Background(), l.dir, l.event)
	if err != nil {
		return err
	}
	_ = l.lock.file.Close() // its file is gone
	l.lock = lock
	return nil
}
