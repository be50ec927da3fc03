package socket

import (
	"context"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A thousand connections that begin and say nothing, or not enough, do not
// keep a right client out, and cost no more than the lobby has places.
func TestHalfOpenHandshakes(t *testing.T) {
	eachGuarded(t, func(t *testing.T, b *bed) {
		const strangers = 1000
		s := b.serve()
		before := runtime.NumGoroutine()
		conns := make([]net.Conn, strangers)
		for i := range conns {
			conn, err := net.Dial("tcp", s.Address())
			require.NoError(t, err)
			defer conn.Close()
			conns[i] = conn
			_, err = conn.Write([][]byte{{}, {0x16}, {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc}, {0, 0, 0, 0x2d}}[i%4])
			require.NoError(t, err)
		}
		began := time.Now()
		c := b.dial()
		took := time.Since(began)
		// Those of who was shown out just now are closed, and about to end.
		require.Eventually(t, func() bool { return s.connections() <= lobbySize+1 }, patience, time.Millisecond)
		require.Eventually(t, func() bool { return runtime.NumGoroutine()-before <= lobbySize+20 }, patience, time.Millisecond,
			"one each, and those of the client")
		require.NoError(t, s.Send(number(t, 1)))
		receiveNumbers(b, c, 1, 1)
		require.Len(t, s.Clients(), 1)
		t.Logf("a right client behind %d half-open ones was let in after %v", strangers, took)
		for _, conn := range conns {
			conn.Close()
		}
		require.Eventually(t, func() bool { return s.connections() == 1 && s.lobby.waiting() == 0 }, patience, time.Millisecond)
	})
}

// eachGuarded runs a test with TLS, and with a token without.
func eachGuarded(t *testing.T, f func(t *testing.T, b *bed)) {
	t.Run("tls", func(t *testing.T) {
		b := newBed(t, TCP)
		b.secure()
		f(t, b)
	})
	t.Run("token", func(t *testing.T) { f(t, newTokenBed(t)) })
}

// A full lobby lets the next one wait for a place; who has had one for too
// long loses it.
func TestLobbyMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		enter := func() (*visitor, net.Conn) {
			ours, peers := net.Pipe()
			return l.enter(t.Context(), ours), peers
		}
		first, peer := enter()
		second, _ := enter()
		for range lobbySize - 2 {
			enter()
		}
		require.Equal(t, lobbySize, l.waiting())

		began := time.Now()
		enter()
		require.Equal(t, lobbyPatience, time.Since(began))
		require.True(t, first.wasShownOut())
		_, err := peer.Read(make([]byte, 1))
		require.Error(t, err, "its connection is closed")
		first.leave()
		require.Equal(t, lobbySize, l.waiting(), "it had left already")

		l = newLobby() // everybody is new
		for range lobbySize {
			second, _ = enter()
		}
		time.AfterFunc(lobbyPatience/2, func() {
			second.leave()
			second.leave() // makes one place, not two
		})
		began = time.Now()
		enter()
		require.Equal(t, lobbyPatience/2, time.Since(began))
		require.Equal(t, lobbySize, l.waiting())
		require.False(t, second.wasShownOut())

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		ours, _ := net.Pipe()
		require.Nil(t, l.enter(ctx, ours), "the server has closed meanwhile")
	})
}
