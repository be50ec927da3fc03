package socket

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestPeerOf(t *testing.T) {
	s := transportSettings(t.TempDir())
	unknown := peer{uid: -1, gid: -1}
	us := peer{pid: os.Getpid(), uid: os.Geteuid(), gid: os.Getegid()}
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
		want peer
	}{
		{"unix client", unixClient, us}, {"unix server", unixServer, us},
		{"plain unix", unixClient.(*unixConn).UnixConn, us},
		{"tcp client", tcpClient, unknown}, {"tcp server", tcpServer, unknown},
		{"pipe", pipe, unknown},
	} {
		got := peerOf(c.conn)
		c.want.address = c.conn.RemoteAddr().String()
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPeerOfClosed(t *testing.T) {
	s := transportSettings(t.TempDir())
	client, _ := mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
	client.Close()
	if p := peerOf(client); p.uid != -1 || p.pid != 0 {
		t.Errorf("of a closed connection: %+v", p)
	}
}

func TestCheckPeer(t *testing.T) {
	own := os.Geteuid()
	s := transportSettings("")
	s.Unix.AllowedUIDs = []int{own + 2}
	for _, c := range []struct {
		name string
		uid  int
		want error
	}{
		{"own", own, nil}, {"root", 0, nil}, {"not told", -1, nil},
		{"allowed", own + 2, nil}, {"stranger", own + 1, ErrNotAllowed},
	} {
		if err := checkPeer(peer{uid: c.uid}, s); CodeOf(err) != CodeOf(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
