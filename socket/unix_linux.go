package socket

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxSocketPath is what the address of a Unix socket holds, without the zero
// byte at its end.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// oPath opens a directory to get at what is in it, with no right to read it.
const oPath = 0x200000

// bindSocket binds and listens. The permissions are set on the socket before
// it is bound: the file is made with them, less the umask, and so is never
// wider for a moment.
func bindSocket(ctx context.Context, dir *socketDir, event string, perm fs.FileMode) (l *net.UnixListener, err error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var chmod error
		err := c.Control(func(fd uintptr) { chmod = syscall.Fchmod(int(fd), uint32(perm.Perm())) })
		if err != nil {
			return err
		}
		return chmod
	}}
	err = withSocketPath(dir.path, socketName(event), func(path string) error {
		listener, err := config.Listen(ctx, "unix", path)
		if err == nil {
			l = listener.(*net.UnixListener)
		}
		return err
	})
	return l, err
}

// withSocketPath calls f with a path to the file that fits into an address. A
// path that does not fit goes through the opened directory. One that fits is
// left as it is, so that tools which list sockets show it.
func withSocketPath(dir, name string, f func(path string) error) error {
	path := filepath.Join(dir, name)
	if len(path) <= maxSocketPath {
		return f(path)
	}
	opened, err := os.OpenFile(dir, oPath|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer opened.Close()
	short, err := openedPath(opened)
	if err != nil {
		return fail(ErrInvalid, "%s is %d bytes long and /proc, which paths of more than %d need, is not there: choose a shorter socket_dir",
			path, len(path), maxSocketPath)
	}
	return f(short + "/" + name)
}

// openedPath is a short path to an opened file, whatever becomes of its name.
func openedPath(file *os.File) (string, error) {
	path := "/proc/self/fd/" + strconv.Itoa(int(file.Fd()))
	_, err := os.Stat(path)
	return path, err
}

// withSocketFile calls f with a path to the socket file for connecting. It
// leads to the very file that was looked at: nobody can put another in its
// place in between.
func withSocketFile(dir, name string, f func(path string) error) error {
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, oPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { file.Close() }()
	info, err := file.Stat()
	if err == nil && info.Mode().Type() == fs.ModeSymlink {
		if err := checkLink(path, info); err != nil {
			return err
		}
		file.Close()
		if file, err = os.OpenFile(path, oPath, 0); err != nil {
			return err
		}
		info, err = file.Stat()
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fail(ErrNoServer, "%s is a %s, not a socket", path, kindOf(info.Mode()))
	}
	short, err := openedPath(file)
	if err != nil { // no /proc: the name has to do
		return withSocketPath(dir, name, f)
	}
	return f(short)
}
