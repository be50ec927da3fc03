package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A unixListener listens on a socket file.
type unixListener struct {
	*net.UnixListener
	addr *net.UnixAddr
}

// An ownListener listens on a socket file that it made: no other server can
// have the event while it lives, see nameLock.
type ownListener struct {
	unixListener
	event  string
	dir    *socketDir
	lock   *nameLock
	file   fs.FileInfo // the socket file we made
	remove bool        // auto_remove_socket

	looking sync.Mutex  // held while the files are looked after
	timer   *time.Timer // until then; nil: nobody looks after them

	closing sync.Once
	closed  error
}

// A unixConn is a connection that knows the path it was made through. The
// system does not: it says nothing of a client's end, and may know the
// server's under another name.
type unixConn struct {
	*net.UnixConn
	addr *net.UnixAddr
}

// RemoteAddr returns the path of the socket file, at both ends.
func (c *unixConn) RemoteAddr() net.Addr { return c.addr }

func listenUnix(ctx context.Context, event string, s *Settings) (_ net.Listener, err error) {
	dir, err := openSocketDir(s.SocketDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			dir.Close()
		}
	}()
	lock, err := acquireName(ctx, dir, event)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.release()
		}
	}()
	path := dir.file(socketName(event))
	if err := clearStale(ctx, dir, event); err != nil {
		return nil, err
	}
	l, err := bindSocket(ctx, dir, event, s.Unix.SocketPermissions)
	if err != nil {
		return nil, listenError(ctx, path, err)
	}
	l.SetUnlinkOnClose(false) // package net would not ask whose file it is
	file, err := publish(dir, event, s.Unix.SocketPermissions)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &ownListener{
		unixListener: unixListener{l, &net.UnixAddr{Name: path, Net: "unix"}},
		event:        event, dir: dir, lock: lock, file: file, remove: s.Unix.AutoRemoveSocket,
	}, nil
}

// publish makes the bound socket file of the permissions asked for, which the
// umask may have narrowed, and returns it. It comes after listen(2): clients
// that watch the directory see the change, and find somebody listening.
func publish(dir *socketDir, event string, perm fs.FileMode) (fs.FileInfo, error) {
	name := socketName(event)
	path := dir.file(name)
	if err := dir.Chmod(name, perm); err != nil {
		// Bound under the path, but not in this directory.
		if errors.Is(err, fs.ErrNotExist) && !dir.isCurrent() {
			return nil, fail(ErrIO, "socket_dir %s was replaced while the server started: try again", dir.path)
		}
		return nil, openError(path, err)
	}
	file, err := dir.Lstat(name)
	if err != nil {
		return nil, openError(path, err)
	}
	return file, nil
}

// clearStale makes room for the socket file. Only the socket of a server that
// is gone is removed; the lock is held, but a server of before the lock file
// has none, so whoever accepts a connection is taken to be alive.
func clearStale(ctx context.Context, dir *socketDir, event string) error {
	name := socketName(event)
	path := dir.file(name)
	file, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return openError(path, err)
	}
	if file.Mode().Type() != fs.ModeSocket {
		return fail(ErrInUse, "%s is a %s, not a socket: it is left alone", path, kindOf(file.Mode()))
	}
	conn, err := connectSocket(ctx, dir.path, name)
	switch {
	case err == nil:
		defer conn.Close()
		return servedBy(event, peerOf(conn).PID)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EPROTOTYPE):
		return servedBy(event, 0) // its backlog is full; or it is no stream
	case errors.Is(err, syscall.ENOENT):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		if !dir.isCurrent() {
			return fail(ErrIO, "socket_dir %s was replaced while the server started: try again", dir.path)
		}
		return dir.removeSame(name, file)
	}
	if ended := contextError(ctx, err); ended != nil {
		return ended
	}
	return openError(path, err)
}

func listenError(ctx context.Context, path string, err error) error {
	if ended := contextError(ctx, err); ended != nil {
		return ended
	}
	if CodeOf(err) != CodeInternal {
		return err // a sentence of our own
	}
	if errors.Is(err, syscall.EADDRINUSE) { // by a server that knows no lock
		return fail(ErrInUse, "cannot listen on %s: %w", path, cause(err))
	}
	return openError("cannot listen on "+path, err)
}

// Accept waits for the next client.
func (l *unixListener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return &unixConn{UnixConn: c, addr: l.addr}, nil
}

// Addr returns the path of the socket file.
func (l *unixListener) Addr() net.Addr { return l.addr }

// Close stops listening and gives the name back. The socket file goes first:
// while the socket lives, the system gives its inode number to no other file.
func (l *ownListener) Close() error {
	l.closing.Do(func() {
		l.stopUpkeep()
		var err error
		if l.remove {
			err = l.dir.removeSame(socketName(l.event), l.file)
		}
		l.closed = errors.Join(err, l.UnixListener.Close(), l.lock.release(), l.dir.Close())
	})
	return l.closed
}

// dialUnix connects to the socket file of the event and makes sure that the
// server is one of ours.
func dialUnix(ctx context.Context, event string, s *Settings) (net.Conn, error) {
	dir, err := filepath.Abs(s.SocketDir)
	if err != nil {
		return nil, dirError(s.SocketDir, err)
	}
	name := socketName(event)
	path := filepath.Join(dir, name)
	conn, err := connectWhenFree(ctx, dir, name)
	if err != nil {
		return nil, dialError(ctx, event, path, err)
	}
	c := &unixConn{UnixConn: conn, addr: &net.UnixAddr{Name: path, Net: "unix"}}
	if err := checkPeer(peerOf(c), s); err != nil {
		c.Close()
		return nil, fail(ErrNotAllowed, "the server of %q is not trusted: %w", event, err)
	}
	return c, nil
}

// connectWhenFree connects, and as long as the server has more connections
// waiting than its backlog holds, tries again until ctx ends: nothing tells
// when there is room.
func connectWhenFree(ctx context.Context, dir, name string) (*net.UnixConn, error) {
	for delay := time.Millisecond; ; delay = min(2*delay, 20*time.Millisecond) {
		conn, err := connectSocket(ctx, dir, name)
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

func dialError(ctx context.Context, event, path string, err error) error {
	if ended := contextError(ctx, err); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return fail(ErrNoServer, "nobody serves %q: %s does not exist", event, path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(ErrNoServer, "nobody serves %q: %s is left from a server that is gone", event, path)
	}
	if CodeOf(err) != CodeInternal {
		return err // a sentence of our own
	}
	if why := foreignSocket(path, err); why != "" {
		return fail(ErrNotAllowed, "cannot connect to %s: %w: %s", path, cause(err), why)
	}
	if why := foreignDir(filepath.Dir(path), err); why != "" {
		return fail(ErrNotAllowed, "cannot connect to %s: %w: of the directory, %s", path, cause(err), why)
	}
	return openError("cannot connect to "+path, err)
}

// foreignSocket says what to do when the socket file is closed to this user; ""
// when that is not why, as where the directory does not let its files be seen.
func foreignSocket(path string, err error) string {
	file := foreign(path, err)
	if file == nil {
		return ""
	}
	return fmt.Sprintf("the file belongs to uid %d, has the mode %04o and is closed to uid %d: its server can change that (socket_permissions, allowed_uids)",
		ownerOf(file).uid, file.Mode().Perm(), os.Geteuid())
}

// connectSocket connects to the socket file, whatever the length of its path.
// A symbolic link to it counts by its owner.
// A full backlog is EAGAIN, at once.
func connectSocket(ctx context.Context, dir, name string) (conn *net.UnixConn, err error) {
	err = withSocketFile(dir, name, func(path string) error {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "unix", path)
		if err == nil {
			conn = c.(*net.UnixConn)
		}
		return err
	})
	return conn, err
}
