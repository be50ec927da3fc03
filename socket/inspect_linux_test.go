package socket

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() { programs["stranger"] = strangerProgram }

// strangerReport is what a process finds out about a server.
type strangerReport struct {
	Read      []byte // all that came after an inspect by hand
	Connect   string // why it could not even connect
	Inspected Code   // of Inspect
	Listed    []ServerInfo
}

// strangerProgram tries all there is to look at the server.
func strangerProgram(p *program) error {
	var r strangerReport
	conn, err := net.Dial("unix", filepath.Join(p.settings.SocketDir, socketName("test")))
	if err != nil {
		r.Connect = cause(err).Error()
	} else {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write((&control{kind: controlInspect, version: wireVersion}).appendFrame(nil)) // it may have been sent away
		if r.Read, err = io.ReadAll(conn); err != nil && !peerGone(err) {
			return err
		}
	}
	cfg := Config{Settings: p.settings}
	_, err = Inspect(context.Background(), Unix, "test", cfg)
	r.Inspected = CodeOf(err)
	if r.Listed, err = List(context.Background(), cfg); err != nil {
		return err
	}
	return p.reports.Encode(r)
}

// A server that takes no connection cannot be asked, and is not taken for an old
// one because there is no lock file.
func TestInspectAServerThatTakesNoConnection(t *testing.T) {
	b := newBed(t, Unix)
	fullServer(t, Unix, "test", &b.settings)
	info := b.inspect(func(s *Settings) { s.DefaultTimeout = 50 * time.Millisecond })
	require.Equal(t, StateSilent, info.State)
}

// TestInspectAsAnotherUser: a process of another user sees nothing of a
// server, whatever the permissions of its socket, unless it is allowed.
func TestInspectAsAnotherUser(t *testing.T) {
	needRoot(t, "starting a process of another user")
	for _, c := range []struct {
		name      string
		mode      os.FileMode
		allowed   []int
		connect   string
		answer    controlKind
		inspected error
		listed    ServerState
	}{
		{"by default", 0o600, nil, "permission denied", controlUnknown, ErrNotAllowed, StateDenied},
		{"reaches the socket", 0o666, nil, "", controlGoodbye, ErrNotAllowed, StateDenied},
		{"is allowed", 0o666, []int{stranger}, "", controlInfo, nil, StateLive},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, Unix)
			b.settings.SocketDir = openTempDir(t, 0o755)
			s := b.serve(func(cfg *Config) {
				cfg.Settings.Unix.SocketPermissions = c.mode
				cfg.Settings.Unix.AllowedUIDs = c.allowed
			})
			require.NoError(t, s.Send(number(t, 1)))
			p := b.runAs(user{uid: stranger, gid: stranger}, "stranger", nil)
			var r strangerReport
			p.report(&r)
			p.end()

			require.Equal(t, c.connect, r.Connect)
			require.Equal(t, CodeOf(c.inspected), r.Inspected)
			require.Len(t, r.Listed, 1)
			require.Equal(t, c.listed, r.Listed[0].State)
			if c.answer != controlUnknown {
				answer := parseControl(t, r.Read[lengthSize:]) // one frame and nothing behind it
				require.Equal(t, c.answer, answer.kind)
			}
			if c.inspected != nil {
				require.Equal(t, r.Listed[0], ServerInfo{
					State: StateDenied, Event: "test", Transport: Unix, Address: s.Address(), UID: os.Geteuid(),
				}, "what the directory tells, and no more")
			}
			require.Equal(t, 1, s.QueueLen())
		})
	}
}
