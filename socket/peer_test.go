package socket

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestPeerOf(t *testing.T) {
	s := transportSettings(t.TempDir())
	unknown := Peer{UID: -1, GID: -1}
	us := Peer{PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid()}
	if runtime.GOOS != "linux" {
		us = unknown
	}
	unixClient, unixServer := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	tcpClient, tcpServer := mustConnect(t, TCP, "x", s, mustListen(t, TCP, "x", s))
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, c := range []struct {
		name string
		conn net.Conn
		want Peer
	}{
		{"unix client", unixClient, us}, {"unix server", unixServer, us},
		{"plain unix", unixClient.(*unixConn).UnixConn, us},
		{"tcp client", tcpClient, unknown}, {"tcp server", tcpServer, unknown},
		{"pipe", pipe, unknown},
	} {
		got := peerOf(c.conn)
		if want := c.conn.RemoteAddr().String(); got.Peer != c.want || got.address != want {
			t.Errorf("%s: %+v, want %+v at %s", c.name, got, c.want, want)
		}
	}
}

func TestPeerOfClosed(t *testing.T) {
	s := transportSettings(t.TempDir())
	client, _ := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	client.Close()
	if p := peerOf(client); p.UID != -1 || p.PID != 0 {
		t.Errorf("of a closed connection: %+v", p)
	}
}

// TestCheckPeer: who is let in at either end, and as what at a server.
func TestCheckPeer(t *testing.T) {
	own := os.Geteuid()
	s := transportSettings("")
	s.Unix.AllowedUIDs = []int{own + 2, own + 4}
	s.Unix.AllowedGIDs = []int{7, 8}
	s.Unix.ReadonlyUIDs = []int{own + 3, own + 4, own + 5}
	const all, listen, none = "may do all", "may listen", "is refused"
	for _, c := range []struct {
		name             string
		peer             peer
		asServer, client string
	}{
		{"own", peer{Peer: Peer{UID: own}}, all, all},
		{"root", peer{Peer: Peer{UID: 0}}, all, all},
		{"not told", peer{Peer: Peer{UID: -1, GID: -1}}, all, all},
		{"allowed", peer{Peer: Peer{UID: own + 2}}, all, all},
		{"stranger", peer{Peer: Peer{UID: own + 1, GID: 6}, groups: []int{5, 9}}, none, none},
		{"stranger of an allowed group", peer{Peer: Peer{UID: own + 1, GID: 7}}, all, all},
		{"stranger who is also in an allowed group", peer{Peer: Peer{UID: own + 1, GID: 1}, groups: []int{2, 8}}, all, all},
		{"read-only", peer{Peer: Peer{UID: own + 3}}, none, listen},
		{"read-only and allowed", peer{Peer: Peer{UID: own + 4}}, all, listen},
		{"read-only of an allowed group", peer{Peer: Peer{UID: own + 5, GID: 8}}, all, listen},
	} {
		asServer, asClient := all, all
		if err := checkPeer(c.peer, s); err != nil {
			wantError(t, err, ErrNotAllowed)
			asServer = none
		}
		switch readOnly, err := checkClient(c.peer, s); {
		case err != nil:
			wantError(t, err, ErrNotAllowed)
			asClient = none
		case readOnly:
			asClient = listen
		}
		if asServer != c.asServer || asClient != c.client {
			t.Errorf("%s: as a server %s, as a client %s; want %s, %s", c.name, asServer, asClient, c.asServer, c.client)
		}
	}
}
