package socket

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// stranger is a user who is neither us nor root.
const stranger = 54321

func TestUnixLongPath(t *testing.T) {
	for _, length := range []int{106, 107, 108, 109, 300} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			dir := t.TempDir()
			for pad := length - len(dir) - len("/x.sock"); pad > 0; {
				n := min(pad-1, 200)
				dir += "/" + strings.Repeat("d", n)
				pad -= n + 1
			}
			s := transportSettings(dir)
			l := mustListen(t, Unix, "x", s)
			if got := len(l.Addr().String()); got != length {
				t.Fatalf("the path has %d bytes", got)
			}
			client, server := mustConnect(t, Unix, "x", s, l)
			for _, addr := range []string{client.RemoteAddr().String(), server.RemoteAddr().String()} {
				if want := dir + "/x.sock"; addr != want {
					t.Errorf("the address is %s, want %s", addr, want)
				}
			}
			_, err := listen(t.Context(), Unix, "x", s)
			wantError(t, err, ErrInUse)
			l.Close()
			wantFiles(t, dir)
			_, err = dial(t.Context(), Unix, "x", s)
			wantError(t, err, ErrNoServer, dir+"/x.sock does not exist")

			s.Unix.AutoRemoveSocket = false
			mustListen(t, Unix, "x", s).Close()
			mustListen(t, Unix, "x", s) // over the stale socket
		})
	}
}

func TestUnixFullBacklogIsLive(t *testing.T) {
	s := transportSettings(t.TempDir())
	fullServer(t, Unix, "x", s)
	_, err := listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, `event "x" is already served`)
	wantFiles(t, s.SocketDir, "x.sock")
}

// childEnv tells the test binary, started by a test, which part it plays, and
// in which directory.
const (
	childEnv    = "LIBSOCKET_TEST_CHILD"
	childDirEnv = "LIBSOCKET_TEST_DIR"
)

// childOf is the running test again, to be started as a process of its own.
func childOf(t *testing.T, dir string) *exec.Cmd {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childEnv+"="+t.Name(), childDirEnv+"="+dir)
	return child
}

// isChild tells that this process is one of childOf, and where it works.
func isChild(t *testing.T) (s *Settings, ok bool) {
	return transportSettings(os.Getenv(childDirEnv)), os.Getenv(childEnv) == t.Name()
}

// TestUnixKilledServer: a process that was killed leaves its files, and they
// are in nobody's way.
func TestUnixKilledServer(t *testing.T) {
	if s, ok := isChild(t); ok {
		mustListen(t, Unix, "x", s)
		fmt.Println("listening")
		select {} // until killed
	}
	s := transportSettings(t.TempDir())
	child := childOf(t, s.SocketDir)
	out, err := child.StdoutPipe()
	if err := errors.Join(err, child.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 64)); err != nil { // "listening"
		t.Fatal(err)
	}
	_, err = listen(t.Context(), Unix, "x", s)
	wantError(t, err, ErrInUse, fmt.Sprintf(`event "x" is already served by pid %d (%s)`, child.Process.Pid, executable(os.Getpid())))

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // says that it was killed
	wantFiles(t, s.SocketDir, "x.lock", "x.sock")
	_, err = dial(t.Context(), Unix, "x", s)
	wantError(t, err, ErrNoServer)
	mustConnect(t, Unix, "x", s, mustListen(t, Unix, "x", s))
}
