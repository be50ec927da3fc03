package socket

import (
	"net"
	"time"
)

// What a service tells its manager, see sd_notify(3).
const (
	stateReady    = "READY=1"
	stateStopping = "STOPPING=1"
)

// notifyWait bounds how long a manager that does not read can hold up a server.
const notifyWait = time.Second

// notifyManager tells the service manager, who listens on the datagram socket
// of NOTIFY_SOCKET, a state of this process. Without one there is nobody to
// tell.
func notifyManager(address, state string) error {
	if address == "" {
		return nil
	}
	if address[0] != '/' && address[0] != '@' { // "@": a name without a file
		return fail(ErrInvalid, "NOTIFY_SOCKET=%q is neither an absolute path nor an abstract name", printable(address))
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return fail(ErrIO, "NOTIFY_SOCKET=%q: %w", printable(address), cause(err))
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(notifyWait))
	if _, err := conn.Write([]byte(state)); err != nil {
		return fail(ErrIO, "NOTIFY_SOCKET=%q: %w", printable(address), cause(err))
	}
	return nil
}
