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
	short := "/proc/self/fd/" + strconv.Itoa(int(opened.Fd()))
	if _, err := os.Stat(short); err != nil {
		return fail(ErrInvalid, "%s is %d bytes long and /proc, which paths of more than %d need, is not there: choose a shorter socket_dir",
			path, len(path), maxSocketPath)
	}
	return f(short + "/" + name)
}
