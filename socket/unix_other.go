//go:build !linux

package socket

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// maxSocketPath is what the address of a Unix socket holds, without the zero
// byte at its end.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// bindSocket binds and listens. The file is made in a directory that only we
// can enter, and gets its place when its permissions are set: so it is never
// wider for a moment.
func bindSocket(ctx context.Context, dir *socketDir, event string, perm fs.FileMode) (l *net.UnixListener, err error) {
	name := socketName(event)
	private := "." + event // not longer than the name itself
	inner := filepath.Join(private, "s")
	if err := dir.RemoveAll(private); err != nil { // ours: we hold the lock
		return nil, err
	}
	if err := dir.Mkdir(private, 0o700); err != nil {
		return nil, err
	}
	defer dir.RemoveAll(private)
	err = withSocketPath(dir.path, name, func(string) error {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "unix", filepath.Join(dir.path, inner))
		if err != nil {
			return err
		}
		l = listener.(*net.UnixListener)
		l.SetUnlinkOnClose(false)
		if err = dir.Chmod(inner, perm); err == nil {
			err = dir.Rename(inner, name)
		}
		if err != nil {
			l.Close()
		}
		return err
	})
	return l, err
}

// withSocketFile calls f with the path of the socket file for connecting.
func withSocketFile(dir, name string, f func(path string) error) error {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() == fs.ModeSymlink {
		if err := checkLink(path, info); err != nil {
			return err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fail(ErrNoServer, "%s is a %s, not a socket", path, kindOf(info.Mode()))
	}
	return withSocketPath(dir, name, f)
}

// withSocketPath calls f with the path of the file when an address holds it.
func withSocketPath(dir, name string, f func(path string) error) error {
	path := filepath.Join(dir, name)
	if len(path) > maxSocketPath {
		return fail(ErrInvalid, "%s is %d bytes long, and this system allows %d for a socket: choose a shorter socket_dir",
			path, len(path), maxSocketPath)
	}
	return f(path)
}
