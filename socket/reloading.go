package socket

import (
	"log/slog"
	"os"
	"sync"
	"time"
)

// A reloading is a value made from files, made again when one of them has
// changed: a certificate can be renewed under a running server. When that
// fails the old value stays, and one line is logged.
type reloading[T any] struct {
	load  func() (T, error)
	paths []string

	mu      sync.Mutex
	value   T
	stamps  []fileStamp // of the files that value was made from
	problem string      // why it could not be made anew; "": it is current
}

// newReloading makes the value for the first time, which must succeed.
func newReloading[T any](load func() (T, error), paths ...string) (*reloading[T], error) {
	r := &reloading[T]{load: load, paths: paths, stamps: stampsOf(paths)}
	var err error
	if r.value, err = load(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *reloading[T]) get(logger *slog.Logger) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Taken before the files are read: what changes after that is seen next
	// time.
	stamps := stampsOf(r.paths)
	if sameStamps(stamps, r.stamps) {
		return r.value
	}
	value, err := r.load()
	if err == nil {
		r.value, r.stamps, r.problem = value, stamps, ""
		logger.Info("credentials have changed and were read again", "files", r.paths)
	} else if problem := err.Error(); problem != r.problem {
		r.problem = problem
		logger.Error("credentials have changed and cannot be used; those from before stay", "error", err)
	}
	return r.value
}

// A fileStamp is what changes when a file does.
type fileStamp struct {
	fileIdentity
	size     int64
	modified time.Time
}

// stampsOf has an empty stamp for a file that is not there.
func stampsOf(paths []string) []fileStamp {
	stamps := make([]fileStamp, len(paths))
	for i, path := range paths {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = fileStamp{identityOf(info), info.Size(), info.ModTime()}
		}
	}
	return stamps
}

func sameStamps(a, b []fileStamp) bool {
	for i := range a {
		if a[i].fileIdentity != b[i].fileIdentity || a[i].size != b[i].size || !a[i].modified.Equal(b[i].modified) {
			return false
		}
	}
	return true
}
