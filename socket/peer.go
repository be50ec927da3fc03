package socket

import (
	"net"
	"os"
)

// A peer is what the system tells about the other end of a connection. What
// it does not tell is 0 for the process, -1 for user and group.
type peer struct {
	pid, uid, gid int
	address       string
}

// peerOf asks the system who is at the other end of c.
func peerOf(c net.Conn) peer {
	p := peer{uid: -1, gid: -1}
	if addr := c.RemoteAddr(); addr != nil {
		p.address = addr.String()
	}
	switch c := c.(type) {
	case *unixConn:
		p.askSystem(c.UnixConn)
	case *net.UnixConn:
		p.askSystem(c)
	}
	return p
}

// checkPeer refuses a peer of a user who is neither our own, root, nor listed
// in allowed_uids. Where the system does not tell the user, the permissions of
// the socket file are what protects.
func checkPeer(p peer, s *Settings) error {
	own := os.Geteuid()
	if p.uid == -1 || p.uid == 0 || p.uid == own {
		return nil
	}
	for _, uid := range s.Unix.AllowedUIDs {
		if int64(uid) == int64(p.uid) {
			return nil
		}
	}
	return fail(ErrNotAllowed, "the peer (pid %d) runs as uid %d, which is not uid %d, not root and not in allowed_uids",
		p.pid, p.uid, own)
}
