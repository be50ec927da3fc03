package socket

import (
	"context"
	"encoding/json"
	"iter"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A user is who a process of a test runs as.
type user struct {
	uid, gid uint32
	groups   []uint32 // supplementary
}

// runAs starts a program as another user.
func (b *bed) runAs(u user, name string, options any) *process {
	b.t.Helper()
	needRoot(b.t, "a process of another user")
	// Not the path of this binary: its directory is closed to others.
	cmd := exec.CommandContext(b.ctx, "/proc/self/exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.gid, Groups: u.groups}}
	return b.runCommand(cmd, name, options)
}

// sharedBed is a bed whose sockets every user can reach and every user can
// make, as in /tmp.
func sharedBed(t *testing.T) *bed {
	needRoot(t, "a process of another user")
	b := newBed(t, Unix)
	b.settings.SocketDir = openTempDir(t, 0o777|os.ModeSticky)
	b.settings.Unix.SocketPermissions = 0o666
	return b
}

func init() { programs["visitor"] = visitorProgram }

// visit is what became of a visitor.
type visit struct {
	outcome
	Refused string // what it was told about the message it sent
	Heard   int    // the number that the server sent
}

// visitOptions say what a visitor waits for beside a number.
type visitOptions struct{ Refused bool }

// visitorProgram is a client that says 1, and tells what it heard, or why it
// was not let in.
func visitorProgram(p *program) error {
	var o visitOptions
	if err := json.Unmarshal(p.options, &o); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.settings.Reconnect = false
	c, err := Dial(ctx, p.transport, "test", Config{Settings: p.settings})
	if err != nil {
		return p.reports.Encode(visit{outcome: outcomeOf(err)})
	}
	defer c.Close()
	m, err := NewMessage(Data, map[string]int{"n": 1})
	if err == nil {
		err = c.Send(m)
	}
	if err != nil {
		return err
	}
	var v visit
	events, stop := iter.Pull2(c.Events(ctx))
	defer stop()
	for v.Heard == 0 || o.Refused != (v.Refused != "") {
		e, err, _ := events()
		if err != nil {
			return err
		}
		switch e.Kind {
		case EventRefused:
			v.Refused = e.Text
		case EventDisconnected: // on a busy machine, the answer comes after Dial
			return p.reports.Encode(visit{outcome: outcomeOf(&goodbyeError{e.Reason, e.Text})})
		case EventMessage:
			var said map[string]int
			m := e.Message()
			if err := m.Decode(&said); err != nil {
				return err
			}
			v.Heard = said["n"]
		}
	}
	return p.reports.Encode(v)
}

// TestUnixForeignPeer lets processes of other users join: who is a stranger is
// sent away although the permissions of the socket let them in, and who may
// only listen is told so.
func TestUnixForeignPeer(t *testing.T) {
	many := make([]uint32, 100)
	for i := range many {
		many[i] = uint32(60000 + i)
	}
	for _, c := range []struct {
		name   string
		who    user
		change func(*UnixSettings)
		want   string
	}{
		{"stranger", user{uid: stranger, gid: stranger}, func(*UnixSettings) {}, "refused"},
		{"stranger, others allowed", user{uid: stranger, gid: stranger, groups: []uint32{17, 18}},
			func(s *UnixSettings) { s.AllowedUIDs, s.AllowedGIDs = []int{stranger + 1}, []int{19} }, "refused"},
		{"allowed_uids", user{uid: stranger, gid: stranger},
			func(s *UnixSettings) { s.AllowedUIDs = []int{1, stranger} }, "joined"},
		{"allowed_gids, own group", user{uid: stranger, gid: 17},
			func(s *UnixSettings) { s.AllowedGIDs = []int{17} }, "joined"},
		{"allowed_gids, supplementary group", user{uid: stranger, gid: stranger, groups: []uint32{17, 18}},
			func(s *UnixSettings) { s.AllowedGIDs = []int{18} }, "joined"},
		{"allowed_gids, one of many", user{uid: stranger, gid: stranger, groups: many},
			func(s *UnixSettings) { s.AllowedGIDs = []int{60099} }, "joined"},
		{"readonly_uids", user{uid: stranger, gid: stranger},
			func(s *UnixSettings) { s.ReadonlyUIDs = []int{stranger} }, "listened"},
		{"readonly_uids goes before the others", user{uid: stranger, gid: 17},
			func(s *UnixSettings) {
				s.AllowedUIDs, s.AllowedGIDs, s.ReadonlyUIDs = []int{stranger}, []int{17}, []int{stranger}
			}, "listened"},
		{"readonly_uids with root in it", user{uid: 0, gid: 0},
			func(s *UnixSettings) { s.ReadonlyUIDs = []int{0} }, "listened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := sharedBed(t)
			c.change(&b.settings.Unix)
			s := b.serve()
			visitor := b.runAs(c.who, "visitor", visitOptions{Refused: c.want == "listened"})
			if c.want != "refused" {
				checkJoined(b, s, c.who, visitor.cmd.Process.Pid)
			}
			received := 0
			if c.want == "joined" {
				require.Equal(t, 1, numberOf(t, nextEvent(b, s, EventMessage).Message()))
				received = 1
			}
			if c.want != "refused" {
				require.NoError(t, s.Send(number(t, 2)))
			}
			var v visit
			visitor.report(&v)
			visitor.end()
			require.EqualValues(t, received, s.Stats().Received)
			switch c.want {
			case "joined":
				require.Equal(t, visit{Heard: 2}, v)
				require.Zero(t, s.Stats().Refused)
			case "listened":
				require.Equal(t, visit{Heard: 2, Refused: v.Refused}, v)
				require.Contains(t, v.Refused, "readonly_uids")
				require.EqualValues(t, 1, s.Stats().Refused)
			case "refused":
				require.Equal(t, CodeNotAllowed, v.Code)
				require.Contains(t, v.Error, "uid 54321")
				require.EqualValues(t, 1, s.Stats().Refused)
				require.Empty(t, s.Clients())
			}
		})
	}
}

// checkJoined checks that the event and the list both say who has joined.
func checkJoined(b *bed, s *Server, who user, pid int) {
	b.t.Helper()
	want := Peer{PID: pid, UID: int(who.uid), GID: int(who.gid)}
	require.Equal(b.t, want, *nextEvent(b, s, EventConnected).Peer)
	infos := s.Clients()
	require.Len(b.t, infos, 1)
	require.Equal(b.t, want, Peer{infos[0].PID, infos[0].UID, infos[0].GID})
}

// TestUnixForeignPeerWithoutRight: what the permissions of the socket keep out
// does not even get to the server.
func TestUnixForeignPeerWithoutRight(t *testing.T) {
	b := sharedBed(t)
	b.settings.Unix.SocketPermissions = 0o600
	b.settings.Unix.AllowedUIDs = []int{stranger}
	s := b.serve()
	visitor := b.runAs(user{uid: stranger, gid: stranger}, "visitor", visitOptions{})
	var v visit
	visitor.report(&v)
	visitor.end()
	require.Equal(t, CodeNotAllowed, v.Code)
	require.Contains(t, v.Error, "permission denied: the file belongs to uid 0, has the mode 0600")
	require.Contains(t, v.Error, "socket_permissions")
	require.Zero(t, s.Stats().Refused)
}

// TestUnixForeignServer: a client believes a server of another user only where
// it was told to.
func TestUnixForeignServer(t *testing.T) {
	b := sharedBed(t)
	owner := b.runAs(user{uid: stranger, gid: 17, groups: []uint32{18}}, "owner", nil)
	require.Zero(t, owner.turn())

	for _, c := range []struct {
		name   string
		change func(*UnixSettings)
		trusts bool
	}{
		{"nobody allowed", func(*UnixSettings) {}, false},
		{"another allowed", func(s *UnixSettings) { s.AllowedUIDs, s.AllowedGIDs = []int{stranger + 1}, []int{19} }, false},
		{"readonly_uids", func(s *UnixSettings) { s.ReadonlyUIDs = []int{stranger} }, false},
		{"allowed_uids", func(s *UnixSettings) { s.AllowedUIDs = []int{stranger} }, true},
		{"allowed_gids, own group", func(s *UnixSettings) { s.AllowedGIDs = []int{17} }, true},
		{"allowed_gids, supplementary group", func(s *UnixSettings) { s.AllowedGIDs = []int{18} }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			mine := *b
			mine.t = t
			c.change(&mine.settings.Unix)
			client, err := mine.tryDial()
			if !c.trusts {
				wantError(t, err, ErrNotAllowed, `the server of "test" is not trusted`, "uid 54321")
				return
			}
			require.NoError(t, err)
			e := nextEvent(&mine, client, EventConnected)
			require.Equal(t, Peer{PID: owner.cmd.Process.Pid, UID: stranger, GID: 17}, *e.Peer)
		})
	}
}

// TestUnixForeignOwner: a name is not taken from another user, even where
// everybody may write.
func TestUnixForeignOwner(t *testing.T) {
	b := sharedBed(t)
	b.serve()
	owner := b.runAs(user{uid: stranger, gid: stranger}, "owner", nil)
	opened := owner.turn()
	require.Equal(t, CodeNotAllowed, opened.Code)
	require.Contains(t, opened.Error, "test.lock belongs to uid 0, not to uid 54321")
	owner.end()
	wantFiles(t, b.settings.SocketDir, "test.lock", "test.sock")
	b.dial()
}
