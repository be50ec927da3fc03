package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// socketName is the file name of an event's socket.
func socketName(event string) string { return event + ".sock" }

// A socketDir is the directory of sockets, opened: files are looked at and
// removed in this very directory, even when its path comes to lead elsewhere.
type socketDir struct {
	*os.Root
	path string // absolute
}

// openSocketDir opens the directory for a server, and creates it, for us
// alone, when it is missing. It must be one where nobody else can put a
// socket or a lock in the place of ours.
func openSocketDir(path string) (*socketDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fail(ErrIO, "socket_dir %s: %w", path, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, dirError(path, err)
	}
	// Before it is opened, for the clearer error, and after, for the truth.
	if info, err := os.Stat(path); err != nil {
		return nil, dirError(path, err)
	} else if err := checkDir(path, info); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, dirError(path, err)
	}
	info, err := root.Stat(".")
	if err == nil {
		err = checkDir(path, info)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &socketDir{Root: root, path: path}, nil
}

// checkDir refuses a directory, or a symbolic link to one, of which others
// than root and ourselves decide what is in it.
func checkDir(path string, dir fs.FileInfo) error {
	named, err := os.Lstat(path)
	if err != nil {
		return dirError(path, err)
	}
	if err := checkLink("socket_dir "+path, named); err != nil {
		return err
	}
	own := os.Geteuid()
	others := fs.FileMode(0o022) // of root's, the group is others too
	switch uid := ownerOf(dir).uid; uid {
	case own:
		others = 0o002
	case 0:
	default:
		return fail(ErrNotAllowed, "socket_dir %s belongs to uid %d, not to uid %d: choose another directory", path, uid, own)
	}
	if dir.Mode().Perm()&others != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return fail(ErrNotAllowed, "socket_dir %s can be written by others and is not sticky, so they could replace its files: take that right away, or choose another directory", path)
	}
	return nil
}

// checkLink refuses a symbolic link that neither root nor we have made: others
// would decide what we reach through it. Everything else is no link.
func checkLink(what string, file fs.FileInfo) error {
	own := os.Geteuid()
	if uid := ownerOf(file).uid; file.Mode().Type() == fs.ModeSymlink && uid != own && uid != 0 {
		return fail(ErrNotAllowed, "%s is a symbolic link of uid %d, not of uid %d: it is not followed", what, uid, own)
	}
	return nil
}

// file is the path of a file in the directory, for people and for the kernel.
func (d *socketDir) file(name string) string { return filepath.Join(d.path, name) }

// isCurrent tells whether the path still leads to this directory.
func (d *socketDir) isCurrent() bool {
	opened, err := d.Stat(".")
	if err != nil {
		return false
	}
	named, err := os.Stat(d.path)
	return err == nil && os.SameFile(opened, named)
}

// removeSame removes the file only while it is the one that was looked at.
func (d *socketDir) removeSame(name string, seen fs.FileInfo) error {
	now, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !os.SameFile(now, seen)) {
		return nil
	}
	if err == nil {
		err = d.Remove(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return openError(d.file(name), err)
	}
	return nil
}

// owner is what Stat says beside what package fs knows.
type owner struct {
	uid   int
	links uint64
}

func ownerOf(info fs.FileInfo) owner {
	st := info.Sys().(*syscall.Stat_t)
	return owner{uid: int(st.Uid), links: uint64(st.Nlink)}
}

// kindOf names a kind of file for people.
func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "regular file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symbolic link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}

// openError says that a file could not be used, and that it is a matter of
// permissions when it is.
func openError(path string, err error) error {
	kind := ErrIO
	if errors.Is(err, fs.ErrPermission) {
		kind = ErrNotAllowed
	}
	return fail(kind, "%s: %w", path, cause(err))
}

func dirError(path string, err error) error {
	if why := foreignDir(path, err); why != "" {
		return fail(ErrNotAllowed, "socket_dir %s: %w: %s", path, cause(err), why)
	}
	return openError("socket_dir "+path, err)
}

// foreignDir says what to do when something is not permitted because the
// directory belongs to somebody else; "" when that is not why.
func foreignDir(path string, err error) string {
	dir := foreign(path, err)
	if dir == nil {
		return ""
	}
	return fmt.Sprintf("it belongs to uid %d, not to uid %d: choose another socket_dir", ownerOf(dir).uid, os.Geteuid())
}

// foreign looks at a file that may be why something is not permitted: nil when
// it is this user's, cannot be seen, or err is another one.
func foreign(path string, err error) fs.FileInfo {
	file, statErr := os.Stat(path)
	if !errors.Is(err, fs.ErrPermission) || statErr != nil || ownerOf(file).uid == os.Geteuid() {
		return nil
	}
	return file
}

// cause strips the operation and the path that package os and net put around
// an error, where our own sentence names them.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// A fileIdentity tells a file from every other of its time. A server's inode
// number is not given again while one of its connections is open, so a client
// can tell the file of its server from that of a new one.
type fileIdentity struct{ dev, ino uint64 }

// socketIdentity returns which file is the socket of the event at the moment,
// false when there is none.
func socketIdentity(t Transport, event string, s *Settings) (fileIdentity, bool) {
	if t != Unix {
		return fileIdentity{}, false
	}
	info, err := os.Stat(filepath.Join(s.SocketDir, socketName(event)))
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return fileIdentity{}, false
	}
	return identityOf(info), true
}

func identityOf(info fs.FileInfo) fileIdentity {
	st := info.Sys().(*syscall.Stat_t)
	return fileIdentity{dev: uint64(st.Dev), ino: uint64(st.Ino)}
}
