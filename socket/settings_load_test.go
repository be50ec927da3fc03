package socket

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Each source is tried with all that come before it.
func TestSettingsPrecedence(t *testing.T) {
	config := t.TempDir()
	standard := filepath.Join(config, "socket", "settings.toml")
	if err := os.Mkdir(filepath.Dir(standard), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(standard, []byte("socket.unix.max_connections = 21\nsocket.name = \"file\""), 0o600); err != nil {
		t.Fatal(err)
	}
	named := writeSettings(t, "[socket.unix]\nmax_connections = 22")
	var environ []string
	var overrides string
	for _, source := range []struct {
		name string
		add  func()
		want int
	}{
		{"defaults", func() {}, 10},
		{"the user's file", func() { environ = append(environ, "XDG_CONFIG_HOME="+config) }, 21},
		{"the named file", func() { environ = append(environ, "SOCKET_SETTINGS_FILE="+named) }, 22},
		{"the original's variable", func() { environ = append(environ, "DYNACONF_SOCKET__UNIX__MAX_CONNECTIONS=23") }, 23},
		{"the variable", func() { environ = append(environ, "SOCKET__UNIX__MAX_CONNECTIONS=24") }, 24},
		{"the overrides", func() { overrides = "max_connections = 25" }, 25},
	} {
		source.add()
		s, err := LoadSettingsEnviron(Unix, overrides, environ)
		if err != nil {
			t.Fatalf("%s: %v", source.name, err)
		}
		if s.Unix.MaxConnections != source.want {
			t.Errorf("%s: %d, want %d", source.name, s.Unix.MaxConnections, source.want)
		}
		if len(environ) > 0 && s.Name != "file" {
			t.Errorf("%s: a key that later sources leave alone is %q", source.name, s.Name)
		}
	}
	s, err := LoadSettingsEnviron(Unix, overrides, environ)
	if err != nil || !reflect.DeepEqual(s.Files, []string{standard, named}) {
		t.Errorf("files %q (%v), want %q and %q", s.Files, err, standard, named)
	}
}

func TestLoadSettingsReadsTheProcessEnvironment(t *testing.T) {
	isolateSettings(t)
	t.Setenv("SOCKET__BUFFER_SIZE", "77")
	s, err := LoadSettings(TCP, "port = 4000")
	if err != nil {
		t.Fatal(err)
	}
	if s.BufferSize != 77 || s.TCP.Port != 4000 {
		t.Errorf("buffer_size %d, port %d", s.BufferSize, s.TCP.Port)
	}
}

// isolateSettings takes away what the caller's environment would set.
func isolateSettings(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "SOCKET_") || strings.HasPrefix(name, "DYNACONF_SOCKET_") {
			t.Setenv(name, "") // restored when the test ends
			os.Unsetenv(name)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
}

func TestSettingsFileErrors(t *testing.T) {
	dir := t.TempDir()
	standard := filepath.Join(dir, "socket", "settings.toml")
	if err := os.MkdirAll(standard, 0o700); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	large := writeSettings(t, strings.Repeat("#", maxSettingsBytes+1))
	deep := writeSettings(t, "a = "+strings.Repeat("{a=", maxSettingsNesting+1))
	utf16 := writeSettings(t, "\xff\xfea = 1")
	missing := filepath.Join(dir, "missing.toml")
	for _, test := range []struct{ name, variable, want string }{
		{"directory", "XDG_CONFIG_HOME=" + dir, "settings file " + standard + ": is a directory"},
		{"missing", "SOCKET_SETTINGS_FILE=" + missing, "settings file " + missing + ", named by SOCKET_SETTINGS_FILE: no such file or directory"},
		{"loop", "SOCKET_SETTINGS_FILE=" + loop, "settings file " + loop + ", named by SOCKET_SETTINGS_FILE: too many levels of symbolic links"},
		{"too large", "SOCKET_SETTINGS_FILE=" + large, large + ": must be at most 65536 bytes of TOML"},
		{"too deep", "SOCKET_SETTINGS_FILE=" + deep, deep + ": must have at most 1000 dots and braces"},
		{"UTF-16", "SOCKET_SETTINGS_FILE=" + utf16, utf16 + ": must be UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadSettingsEnviron("", "", []string{test.variable})
			wantSettingsError(t, err, test.want)
		})
	}
	_, err := LoadSettingsEnviron("", "", []string{"SOCKET_SETTINGS_FILE=" + missing})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v does not wrap its cause", err)
	}
}

func TestUnreadableSettingsFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	path := writeSettings(t, "")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := LoadSettingsEnviron("", "", []string{"SOCKET_SETTINGS_FILE=" + path})
	wantSettingsError(t, err, "settings file "+path+", named by SOCKET_SETTINGS_FILE: permission denied")
}

// Where a value stands is found in every form that TOML has. The text is read
// as a file with one bad value.
func TestSettingsLine(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"table", "# c\n\n[socket]\nlinger = 1\n[socket.unix]\nmax_connections = 0\n", "6: socket.unix.max_connections = 0: must be greater than 0"},
		{"dotted", "socket.linger = 1\nsocket.unix.max_connections = 0", "2: socket.unix.max_connections = 0: must be greater than 0"},
		{"dotted in a table", "[socket]\n\nunix.max_connections = 0", "3: socket.unix.max_connections = 0: must be greater than 0"},
		{"inline table", "[socket]\nunix = { max_connections = 0 }", "2: socket.unix.max_connections = 0: must be greater than 0"},
		{"inline table on lines", "[socket]\nunix = {\n\n max_connections = 0,\n}", "4: socket.unix.max_connections = 0: must be greater than 0"},
		{"after a long text", "[socket]\nname = \"\"\"\n1\\\n2\"\"\"\nlinger = -1", "5: socket.linger = -1: must be 0 or more"},
		{"long text", "[socket]\n\nname = \"\"\"\n1\n2\"\"\"\n", `3: socket.name = "1\n2": must not contain control characters`},
		{"long list", "[socket]\ntypes = [\n  \"data\",\n\n  \"x\",\n]", `2: socket.types = ["data", "x"]: ` + someTypes},
		{"quoted keys", "[\"socket\".'tcp']\n\"port\" = 3", "2: socket.tcp.port = 3: must be -1, 0 or 1024 to 65535"},
		{"CRLF", "[socket]\r\n\r\nlinger = -1\r\n", "3: socket.linger = -1: must be 0 or more"},
		{"byte order mark", "\ufeff[socket]\nlinger = -1", "2: socket.linger = -1: must be 0 or more"},
		{"socket in socket", "[socket.socket]\nlinger = -1", "2: socket.socket.linger = -1: must be 0 or more"},
		{"unix in socket in socket", "[socket.socket.unix]\nmax_connections = 0", "2: socket.socket.unix.max_connections = 0: must be greater than 0"},
		{"upper case", "[Socket.TCP]\nPORT = 3", "2: Socket.TCP.PORT = 3: must be -1, 0 or 1024 to 65535"},
		{"first of two", "[socket]\nlinger = -1\nbuffer_size = 0", "2: socket.linger = -1: must be 0 or more"},
		{"first of two, other table", "[socket.unix]\nmax_connections = 0\n[socket]\nbuffer_size = 0", "2: socket.unix.max_connections = 0: must be greater than 0"},
		{"no table", "\nsocket = 1", "2: socket = 1: must be a table"},
		{"no table within", "[socket]\nunix = \"x\"", `2: socket.unix = "x": must be a table`},
		{"table list", "[[socket]]\nlinger = 1", "1: socket = {...}: must be a table"},
		{"table for a value", "[socket.linger]\nx = 1", "1: socket.linger = {...}: " + aNumberFrom0},
		{"dotted table for a value", "[socket]\n\nlinger.x.y = 1", "3: socket.linger = {...}: " + aNumberFrom0},
		{"date", "[socket]\nname = 2026-05-01T00:00:00Z", "2: socket.name = 2026-05-01T00:00:00Z: must be text"},
		{"twice", "[socket]\nlinger = 1\n[socket.socket]\nlinger = 2", "4: socket.socket.linger = 2: already given by FILE:2: socket.linger"},
		{"twice by case", "[socket]\nlinger = 1\nLINGER = 1", "3: socket.LINGER = 1: already given by FILE:2: socket.linger"},
		{"not TOML", "[socket]\n\nlinger 5", `3: socket: invalid TOML: expected '.' or '=', but got '5' instead`},
		{"no value", "[socket.unix]\nmax_connections = ten", `2: socket.unix.max_connections: invalid TOML: expected value but found "ten" instead`},
		{"defined twice", "[socket]\nlinger = 1\nlinger = 1", "3: socket.linger: invalid TOML: Key 'socket.linger' has already been defined."},
		{"control character", "linger = \"\\\x01\"", "1: linger: invalid TOML: TOML files cannot contain control characters: '0x01'"},
		{"cut short", `linger = "\`, "1: linger: invalid TOML: invalid escape in string '\\\ufffd'"},
		{"long list of lists", "[socket]\ntypes = [" + strings.Repeat("[[]], ", 50) + "]", "2: socket.types = [" + strings.Repeat("[[]], ", 16) + "[[]...: " + someTypes},
		{"long key", "[socket]\n" + strings.Repeat("x", 200) + " =", "2: socket." + strings.Repeat("x", 93) + "...: invalid TOML: unexpected EOF; expected value"},
		{"key of control characters", `"\u0000\n" =`, "1: \ufffd\ufffd: invalid TOML: unexpected EOF; expected value"},
		{"long value", "x = " + strings.Repeat("y", 200), "1: x: invalid TOML: expected value but found \"" + strings.Repeat("y", 74) + "..."},
		{"not UTF-8", "# ok\n# \xff", "2: invalid TOML: invalid UTF-8 byte: 0xff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeSettings(t, test.text)
			_, err := LoadSettingsEnviron("", "", []string{"SOCKET_SETTINGS_FILE=" + path})
			wantSettingsError(t, err, path+":"+strings.ReplaceAll(test.want, "FILE", path))
		})
	}
}

func TestOverridesErrors(t *testing.T) {
	for _, test := range []struct {
		name      string
		transport Transport
		text      string
		want      string
	}{
		{"flat", Unix, "max_connections = 0", "argument max_connections = 0: must be greater than 0"},
		{"table", "", "[unix]\nmax_connections = 0", "argument unix.max_connections = 0: must be greater than 0"},
		{"with its header", TCP, "[socket.tcp]\nport = 3", "argument socket.tcp.port = 3: must be -1, 0 or 1024 to 65535"},
		{"not TOML", "", "linger = 1\nport =", "arguments:2: port: invalid TOML: unexpected EOF; expected value"},
		{"twice", TCP, "port = 5000\ntcp.port = 5000", "argument tcp.port = 5000: already given by argument port"},
		{"too large", "", strings.Repeat("#", maxSettingsBytes+1), "arguments: must be at most 65536 bytes of TOML"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadSettingsEnviron(test.transport, test.text, nil)
			wantSettingsError(t, err, test.want)
		})
	}
	if _, err := LoadSettings("udp", ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("a transport that is none: %v", err)
	}
}

func TestOverridesForms(t *testing.T) {
	for _, test := range []struct {
		name      string
		transport Transport
		text      string
	}{
		{"flat", TCP, "linger = 0\nmax_connections = 3"},
		{"tables", "", "linger = 0\n[tcp]\nmax_connections = 3"},
		{"headers", "", "[socket]\nlinger = 0\n[socket.tcp]\nmax_connections = 3"},
		{"original's headers", "", "[socket.socket]\nlinger = 0\n[socket.socket.tcp]\nmax_connections = 3"},
		{"dotted", Unix, "socket.linger = 0\ntcp.max_connections = 3"},
		{"flat below a header", TCP, "[socket]\nlinger = 0\nmax_connections = 3"},
		{"upper case", TCP, "LINGER = 0\nMax_Connections = 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := LoadSettingsEnviron(test.transport, test.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Linger != 0 || s.TCP.MaxConnections != 3 || s.Unix.MaxConnections != 10 || len(s.Warnings) > 0 {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// Who gives a token as a setting relies on it: to leave it out with a warning
// would let everybody in. What was given is not repeated.
func TestTokenIsNoSetting(t *testing.T) {
	path := writeSettings(t, "[socket.tcp]\ntoken = \"hidden\"\n")
	for _, given := range []struct{ where, variable, overrides string }{
		{path + ":2: socket.tcp.token", "SOCKET_SETTINGS_FILE=" + path, ""},
		{"SOCKET__TCP__TOKEN", "SOCKET__TCP__TOKEN=hidden", ""},
		{"argument token", "", "token = \"hidden\""},
	} {
		_, err := LoadSettingsEnviron(TCP, given.overrides, []string{given.variable})
		wantSettingsError(t, err, given.where+": "+refusedKeys["token"])
	}
}

// An unknown key is told without its value, which may be a secret.
func TestUnknownSettingsAreWarnings(t *testing.T) {
	path := writeSettings(t, `colour = "hidden"
[[lists]]
a = "hidden"
[socket]
max_connections = "hidden"
extra.deep.key = "hidden"
[socket.unix]
port = "hidden"
[socket.socket.socket]
linger = "hidden"
[other.table]
token = "hidden"
`)
	environ := []string{
		"SOCKET_SETTINGS_FILE=" + path, "SOCKET__SECRET=hidden", "SOCKET__UNIX=hidden", "SOCKET__=hidden",
		"SOCKET__UDP__PORT=hidden", "SOCKET__SOCKET__SOCKET__NAME=hidden", "DYNACONF_SOCKET__X=hidden",
		"SOCKET_OTHER=hidden", "DYNACONF_OTHER=hidden",
	}
	s, err := LoadSettingsEnviron(Unix, "port = \"hidden\"\n[wrong]\nx = \"hidden\"", environ)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		path + ":1: colour: unknown key",
		path + ":2: lists: unknown key",
		path + ":5: socket.max_connections: unknown key; known: socket.unix.max_connections, socket.tcp.max_connections",
		path + ":6: socket.extra: unknown key",
		path + ":8: socket.unix.port: unknown key; known: socket.tcp.port",
		path + ":9: socket.socket.socket: unknown key",
		path + ":11: other: unknown key",
		"DYNACONF_SOCKET__X: unknown key",
		"SOCKET__: unknown key",
		"SOCKET__SECRET: unknown key",
		"SOCKET__SOCKET__SOCKET__NAME: unknown key; known: socket.name",
		"SOCKET__UDP__PORT: unknown key; known: socket.tcp.port",
		"SOCKET__UNIX: unknown key",
		"argument port: unknown key; known: socket.tcp.port",
		"argument wrong: unknown key",
	}
	if !reflect.DeepEqual(s.Warnings, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(s.Warnings, "\n"), strings.Join(want, "\n"))
	}
}

// Of two values that contradict each other the later is the bad one.
func TestSettingsOrder(t *testing.T) {
	path := writeSettings(t, "[socket.tcp]\nport_range_end = 9500\nport_range_start = 9200")
	file := "SOCKET_SETTINGS_FILE=" + path
	for _, test := range []struct {
		name      string
		environ   []string
		overrides string
		want      string
	}{
		{"start above the default", []string{"SOCKET__TCP__PORT_RANGE_START=9101"}, "",
			`SOCKET__TCP__PORT_RANGE_START="9101": must not be greater than socket.tcp.port_range_end = 9100 (the default)`},
		{"end below the default", nil, "tcp.port_range_end = 8999",
			"argument tcp.port_range_end = 8999: must not be less than socket.tcp.port_range_start = 9000 (the default)"},
		{"end below a file", []string{file, "DYNACONF_SOCKET__TCP__PORT_RANGE_END=9199"}, "",
			`DYNACONF_SOCKET__TCP__PORT_RANGE_END="9199": must not be less than ` + path + ":3: socket.tcp.port_range_start = 9200"},
		{"start above the environment", []string{"SOCKET__TCP__PORT_RANGE_END=9200"}, "tcp.port_range_start = 9201",
			`argument tcp.port_range_start = 9201: must not be greater than SOCKET__TCP__PORT_RANGE_END="9200"`},
		{"both in one text", nil, "[tcp]\nport_range_start = 9001\nport_range_end = 9000",
			"argument tcp.port_range_end = 9000: must not be less than argument tcp.port_range_start = 9001"},
		{"delays of unix", nil, "unix.reconnect_min = 5.5",
			"argument unix.reconnect_min = 5.5: must not be greater than socket.unix.reconnect_max = 5 (the default)"},
		{"delays of tcp", nil, "tcp.reconnect_max = 0.2",
			"argument tcp.reconnect_max = 0.2: must not be less than socket.tcp.reconnect_min = 0.25 (the default)"},
		{"equal", nil, "[tcp]\nport_range_start = 9100\nreconnect_min = 30\n[unix]\nreconnect_max = 0.05", ""},
		{"put right later", []string{"SOCKET__TCP__PORT_RANGE_START=9400"}, "tcp.port_range_end = 9401", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadSettingsEnviron("", test.overrides, test.environ)
			if test.want != "" {
				wantSettingsError(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
