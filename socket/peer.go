package socket

import (
	"net"
	"os"
	"slices"
	"syscall"
)

// A peer is what the system tells about the other end of a connection. What
// it does not tell is 0 for the process, -1 for user and group.
type peer struct {
	Peer
	groups  []int // supplementary
	address string
}

// peerOf asks the system who is at the other end of c.
func peerOf(c net.Conn) peer {
	p := peer{Peer: Peer{UID: -1, GID: -1}}
	if addr := c.RemoteAddr(); addr != nil {
		p.address = addr.String()
	}
	switch c := c.(type) {
	case *unixConn:
		p.askSystem(c.UnixConn)
	case *net.UnixConn:
		p.askSystem(c)
	default:
		if _, unix := c.RemoteAddr().(*net.UnixAddr); unix {
			p.askSystem(c.(syscall.Conn))
		}
	}
	return p
}

// checkPeer refuses a peer who is neither of our own user, nor root, nor named
// by allowed_uids or allowed_gids. Where the system does not tell the user,
// the permissions of the socket file are what protects.
func checkPeer(p peer, s *Settings) error {
	own := os.Geteuid()
	switch {
	case p.UID == -1, p.UID == 0, p.UID == own, slices.Contains(s.Unix.AllowedUIDs, p.UID):
		return nil
	case slices.ContainsFunc(s.Unix.AllowedGIDs, p.inGroup):
		return nil
	}
	return fail(ErrNotAllowed, "the peer (pid %d) runs as uid %d, which is not uid %d, not root and not in allowed_uids, and is in no group of allowed_gids",
		p.PID, p.UID, own)
}

func (p *peer) inGroup(gid int) bool { return p.GID == gid || slices.Contains(p.groups, gid) }

// checkClient refuses a stranger at a server, and tells of those it lets in
// whether they may only listen. Who is listed in readonly_uids may listen and
// nothing else, whatever else would let them in.
func checkClient(p peer, s *Settings) (readOnly bool, err error) {
	if slices.Contains(s.Unix.ReadonlyUIDs, p.UID) {
		return true, nil
	}
	return false, checkPeer(p, s)
}
