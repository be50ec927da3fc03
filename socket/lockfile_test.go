package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLockOfRemovedFile: who opened the lock file before its owner removed it
// holds a lock that nobody else sees, and must not take it for the name.
func TestLockOfRemovedFile(t *testing.T) {
	dir, err := openSocketDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	owner, err := acquireName(t.Context(), dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	late := &nameLock{dir: dir, name: "x.lock"}
	if err := late.open(); err != nil {
		t.Fatal(err)
	}
	defer late.file.Close()
	if err := owner.release(); err != nil {
		t.Fatal(err)
	}
	if won, err := late.take("x"); won || err != nil {
		t.Errorf("the lock of a removed file: %v, %v", won, err)
	}
	next, err := acquireName(t.Context(), dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	if won, err := late.take("x"); won || err != nil {
		t.Errorf("the lock of a removed file, the name taken: %v, %v", won, err)
	}
	if err := next.release(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir.path)
}

// TestUnixOneWinner lets many ask for a name at once, again and again: one
// has it at a time, and that one is the one clients reach.
func TestUnixOneWinner(t *testing.T) {
	s := transportSettings(t.TempDir())
	const contenders, rounds = 8, 5
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error)
	for range contenders {
		go func() { ended <- contend(ctx, s, rounds) }() // ends after its rounds, or with ctx
	}
	for range contenders {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	wantFiles(t, s.SocketDir)
}

// contend wins the name as often as it is told, each time making sure that
// nobody else has it.
func contend(ctx context.Context, s *Settings, rounds int) error {
	held := filepath.Join(s.SocketDir, "held")
	for won := 0; won < rounds; {
		l, err := listen(ctx, Unix, "x", s)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil {
			return err
		}
		won++
		if err := os.Mkdir(held, 0o700); err != nil {
			return fmt.Errorf("a second winner: %w", err)
		}
		err = errors.Join(reachesUs(ctx, l, s), os.Remove(held), l.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// reachesUs connects to the event and tells whether the server is l.
func reachesUs(ctx context.Context, l net.Listener, s *Settings) error {
	secret := fmt.Sprintf("%p %d", l, os.Getpid())
	client, err := dial(ctx, Unix, "x", s)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Write([]byte(secret)); err != nil {
		return err
	}
	if err := l.(*ownListener).SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	server, err := l.Accept()
	if err != nil {
		return err
	}
	defer server.Close()
	got := make([]byte, len(secret))
	n, err := server.Read(got)
	if string(got[:n]) != secret {
		return fmt.Errorf("the server of %q got %q: %w", secret, got[:n], err)
	}
	return nil
}
