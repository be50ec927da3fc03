package socket

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fileCalls are those that name a file or change one.
const fileCalls = "%file,bind,connect,fchmod,fchown,flock,umask"

// traced runs a program as sh would with no umask, and has strace write down
// every call that is one of those.
func (b *bed) traced(name string, options any, calls string) (p *process, trace func() []string) {
	b.t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		b.t.Skip("strace is not installed")
	}
	if out, err := exec.CommandContext(b.ctx, strace, "/bin/true").CombinedOutput(); err != nil {
		b.t.Skipf("strace may not look at processes here: %v: %s", err, out)
	}
	path := filepath.Join(b.t.TempDir(), "trace")
	cmd := exec.CommandContext(b.ctx, "/bin/sh", "-c", `umask 0; exec "$@"`, "sh", strace, "-f", "-qq", "-y", "-s", "4096",
		"-e", "trace="+calls, "-o", path, os.Args[0])
	return b.runCommand(cmd, name, options), func() []string {
		text, err := os.ReadFile(path)
		require.NoError(b.t, err)
		return strings.Split(string(text), "\n")
	}
}

// A call is a line of a trace: the process, the call, what it was given.
var tracedCall = regexp.MustCompile(`^\d+ +(\w+)\((.*)$`)

// An octal mode is the last thing that the calls below are given. A call may be
// "<unfinished ...>" where that of another thread comes between.
var tracedMode = regexp.MustCompile(`, 0([0-7]+)(?:[,)]| <unfinished)`)

// pathsIn are the files below top that a call names: as a path, as an opened
// file, or as a name in an opened directory.
func pathsIn(arguments, top string) (paths []string) {
	for _, match := range regexp.MustCompile(`"(/[^"]*)"|<(/[^>]*)>(?:, "([^"/][^"]*)")?`).FindAllStringSubmatch(arguments, -1) {
		path := match[1] + match[2]
		if match[3] != "" {
			path = filepath.Join(path, match[3])
		}
		if path == top || strings.HasPrefix(path, top+"/") {
			paths = append(paths, strings.TrimPrefix(strings.TrimPrefix(path, top), "/"))
		}
	}
	return paths
}

// TestUnixNeverWiderAtAnyInstant looks at every call of a server that opens,
// serves and closes, without a umask to help it: what is made is made with the
// mode it is to have, and no call ever asks for more, nor for another file
// than those that TestUnixTraps is about.
func TestUnixNeverWiderAtAnyInstant(t *testing.T) {
	for _, perm := range []os.FileMode{0o600, 0o660} {
		t.Run(perm.String(), func(t *testing.T) {
			b := newBed(t, Unix)
			top := b.settings.SocketDir
			b.settings.SocketDir = filepath.Join(top, "sockets")
			b.settings.Unix.SocketPermissions = perm
			p, trace := b.traced("owner", nil, fileCalls)
			require.Zero(t, p.turn())
			b.dial()
			require.Zero(t, p.turn())
			p.end()

			touched := map[string]bool{}
			bound, made := 0, 0
			narrowed := map[string]bool{} // sockets that have their mode
			for _, line := range trace() {
				match := tracedCall.FindStringSubmatch(line)
				if match == nil {
					continue
				}
				call, arguments := match[1], match[2]
				require.NotEqual(t, "umask", call, "it is the whole process's")
				paths := pathsIn(arguments, top)
				for _, path := range paths {
					touched[path] = true
				}
				socket, isSocket := strings.CutPrefix(arguments, strings.SplitN(arguments, "<socket:", 2)[0]+"<socket:")
				socket, _, _ = strings.Cut(socket, "]")
				if call == "bind" && strings.Contains(arguments, "sun_path=") {
					require.True(t, narrowed[socket], "bound before it has its mode: %s", line)
					bound++
				}
				if len(paths) == 0 && !isSocket {
					continue
				}
				most := os.FileMode(0)
				switch {
				case strings.HasPrefix(call, "mkdir"):
					most = 0o700
					made++
				case strings.HasPrefix(call, "open") && strings.Contains(arguments, "O_CREAT"):
					most = 0o600
					made++
				case strings.Contains(call, "chmod"), strings.Contains(call, "mknod"):
					most = perm
					narrowed[socket] = isSocket
				case strings.Contains(call, "chown"):
					t.Errorf("changes an owner: %s", line)
				default:
					continue
				}
				mode := tracedMode.FindAllStringSubmatch(arguments, -1)
				require.NotEmpty(t, mode, line)
				asked, err := strconv.ParseUint(mode[len(mode)-1][1], 8, 32)
				require.NoError(t, err)
				require.Zero(t, os.FileMode(asked)&^most, "wider than %o: %s", most, line)
			}
			require.Equal(t, 1, bound, "the trace is blind")
			require.Equal(t, 2, made, "a directory and a lock file")
			checkTouched(t, touched)
		})
	}
}

// checkTouched holds the list of paths against what was touched.
func checkTouched(t *testing.T, touched map[string]bool) {
	t.Helper()
	delete(touched, "") // the parent, which is looked at
	listed := map[string]bool{}
	for _, path := range touchedPaths {
		listed[strings.Replace(path, "/x.", "/test.", 1)] = true
	}
	require.Equal(t, listed, touched)
}

// TestUnixClientTouchesNothing: a client makes and changes no file.
func TestUnixClientTouchesNothing(t *testing.T) {
	b := newBed(t, Unix)
	top := b.settings.SocketDir
	b.settings.SocketDir = filepath.Join(top, "sockets")
	s := b.serve()
	p, trace := b.traced("visitor", visitOptions{}, fileCalls)
	require.NoError(t, s.WaitClients(b.ctx, 1))
	require.NoError(t, s.Send(number(t, 2)))
	var v visit
	p.report(&v)
	require.Equal(t, visit{Heard: 2}, v)
	p.end()
	connected := 0
	for _, line := range trace() {
		match := tracedCall.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		call, arguments := match[1], match[2]
		require.NotContains(t, []string{"bind", "umask", "flock", "fchmod", "fchown"}, call, line)
		if call == "connect" && strings.Contains(arguments, "sun_path=") {
			connected++
		}
		for _, path := range pathsIn(arguments, top) {
			require.Contains(t, []string{"", "sockets", "sockets/test.sock", "sockets/test.lock"}, path)
			require.NotRegexp(t, `^(mk|chmod|chown|fch|unlink|rename|link|symlink|trunc)`, call, line)
			require.NotContains(t, arguments, "O_CREAT", line)
		}
	}
	require.Equal(t, 1, connected, "the trace is blind")
}
