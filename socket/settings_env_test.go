package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSettingsFileOfUser(t *testing.T) {
	config := t.TempDir()
	write := func(dir string) {
		t.Helper()
		path := filepath.Join(config, dir, "socket", "settings.toml")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "socket.name = %q", dir), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("xdg")
	write("home/.config")
	notADirectory := filepath.Join(config, "xdg", "socket", "settings.toml")
	for _, test := range []struct {
		name, want string
		environ    []string
	}{
		{"XDG_CONFIG_HOME", "xdg", []string{"HOME=" + config + "/home", "XDG_CONFIG_HOME=" + config + "/xdg"}},
		{"home", "home/.config", []string{"HOME=" + config + "/home"}},
		{"empty XDG_CONFIG_HOME", "home/.config", []string{"HOME=" + config + "/home", "XDG_CONFIG_HOME="}},
		{"relative XDG_CONFIG_HOME", "home/.config", []string{"HOME=" + config + "/home", "XDG_CONFIG_HOME=xdg"}},
		{"nothing", "", nil},
		{"missing", "", []string{"HOME=" + config}},
		{"below a file", "", []string{"XDG_CONFIG_HOME=" + notADirectory}},
		{"no named file", "", []string{"SOCKET_SETTINGS_FILE="}},
		{"variable given twice", "xdg", []string{"XDG_CONFIG_HOME=" + config + "/xdg", "XDG_CONFIG_HOME=/nowhere"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := LoadSettingsEnviron("", "", test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if s.Name != test.want {
				t.Errorf("read %q, want %q", s.Name, test.want)
			}
		})
	}
}

func TestSettingsVariableForms(t *testing.T) {
	for _, test := range []struct {
		variable string
		get      func(*Settings) any
		want     any
	}{
		{"SOCKET__TCP__PORT= 4000 ", func(s *Settings) any { return s.TCP.Port }, 4000},
		{"SOCKET__tcp__Port=4000", func(s *Settings) any { return s.TCP.Port }, 4000},
		{"SOCKET__SOCKET__TCP__PORT=4000", func(s *Settings) any { return s.TCP.Port }, 4000},
		{"DYNACONF_SOCKET__SOCKET__LINGER=0.5", func(s *Settings) any { return s.Linger.Seconds() }, 0.5},
		{"SOCKET__RECONNECT=False", func(s *Settings) any { return s.Reconnect }, false},
		{"SOCKET__RECONNECT=no", func(s *Settings) any { return s.Reconnect }, false},
		{"SOCKET__RECONNECT=off", func(s *Settings) any { return s.Reconnect }, false},
		{"SOCKET__RECONNECT=0", func(s *Settings) any { return s.Reconnect }, false},
		{"SOCKET__BLOCKING_MODE=1", func(s *Settings) any { return s.BlockingMode }, true},
		{"SOCKET__BLOCKING_MODE=YES", func(s *Settings) any { return s.BlockingMode }, true},
		{"SOCKET__BLOCKING_MODE=on", func(s *Settings) any { return s.BlockingMode }, true},
		{"SOCKET__UNIX__SOCKET_PERMISSIONS=0640", func(s *Settings) any { return s.Unix.SocketPermissions }, os.FileMode(0o640)},
		{"SOCKET__NAME=plain", func(s *Settings) any { return s.Name }, "plain"},
		{"SOCKET__NAME='it\\n'", func(s *Settings) any { return s.Name }, `it\n`},
		{`SOCKET__NAME="a\u00f1"`, func(s *Settings) any { return s.Name }, "añ"},
		{`SOCKET__NAME="a\q"`, func(s *Settings) any { return s.Name }, `"a\q"`},
		{"SOCKET__NAME=", func(s *Settings) any { return s.Name }, ""},
		{"SOCKET__NAME='", func(s *Settings) any { return s.Name }, "'"},
		{"SOCKET__NAME=a=b", func(s *Settings) any { return s.Name }, "a=b"},
		{"SOCKET__TYPES=data, error", func(s *Settings) any { return s.Types }, []MessageType{Data, Error}},
		{"SOCKET__TYPES=[ 'control' ]", func(s *Settings) any { return s.Types }, []MessageType{Control}},
		{"SOCKET__TYPES=", func(s *Settings) any { return len(s.Types) }, 0},
		{"SOCKET__UNIX__ALLOWED_UIDS=1000,1001", func(s *Settings) any { return s.Unix.AllowedUIDs }, []int{1000, 1001}},
	} {
		s, err := LoadSettingsEnviron("", "", []string{test.variable})
		if err != nil {
			t.Errorf("%s: %v", test.variable, err)
			continue
		}
		if got := test.get(s); !reflect.DeepEqual(got, test.want) || len(s.Warnings) > 0 {
			t.Errorf("%s: got %v %q, want %v", test.variable, got, s.Warnings, test.want)
		}
	}
	for _, test := range []struct {
		variable, want string
		more           []string
	}{
		{"SOCKET__TCP__PORT=", `SOCKET__TCP__PORT="": must be a whole number, -1, 0 or 1024 to 65535`, nil},
		{"SOCKET__TYPES=[data", `SOCKET__TYPES="[data": ` + someTypes, nil},
		{"SOCKET__TYPES=data,,error", `SOCKET__TYPES="data,,error": ` + someTypes, nil},
		{"SOCKET__NAME=\xff", `SOCKET__NAME="\xff": must be UTF-8`, nil},
		{"DYNACONF_SOCKET__LINGER=x", `DYNACONF_SOCKET__LINGER="x": ` + aNumberFrom0, []string{"SOCKET__LINGER=1"}},
		{"SOCKET__LINGER=1", `SOCKET__linger="2": already given by SOCKET__LINGER`, []string{"SOCKET__linger=2"}},
	} {
		_, err := LoadSettingsEnviron("", "", append(test.more, test.variable))
		wantSettingsError(t, err, test.want)
	}
}

func TestPathsExpand(t *testing.T) {
	for _, k := range settingsTable {
		if _, ok := k.kind.(pathKind); ok {
			t.Run(k.name(), func(t *testing.T) { testExpansion(t, k) })
		}
	}
}

func testExpansion(t *testing.T, k *setting) {
	environ := []string{"HOME=/home/u", "XDG_RUNTIME_DIR=/run/user/7", "EMPTY="}
	load := func(path string) (*Settings, error) {
		return LoadSettingsEnviron("", fmt.Sprintf("%s = %q", k.name(), path), environ)
	}
	for path, want := range map[string]string{
		"~":                          "/home/u",
		"~/sockets":                  "/home/u/sockets",
		"$XDG_RUNTIME_DIR/libsocket": "/run/user/7/libsocket",
		"${XDG_RUNTIME_DIR}x":        "/run/user/7x",
		"$HOME$XDG_RUNTIME_DIR":      "/home/u/run/user/7",
		"/a~b/~":                     "/a~b/~",
		"relative":                   "relative",
	} {
		s, err := load(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if got := k.value(s); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, why := range map[string]string{
		"$NOPE/x":  "$NOPE is not set",
		"${NOPE}":  "$NOPE is not set",
		"$EMPTY/x": "$EMPTY is not set",
		"/a$/b":    "has a $ without the name of a variable",
		"${HOME":   "has a $ without the name of a variable",
		"~root/x":  "must not begin with the ~ of another user",
	} {
		_, err := load(path)
		wantSettingsError(t, err, fmt.Sprintf("argument %s = %q: %s", k.name(), path, why))
	}
}

func TestExpansionOfSocketDir(t *testing.T) {
	_, err := LoadSettingsEnviron("", "", []string{"SOCKET__SOCKET_DIR=~"})
	wantSettingsError(t, err, `SOCKET__SOCKET_DIR="~": $HOME is not set`)
	_, err = LoadSettingsEnviron("", "", []string{"SOCKET__SOCKET_DIR=$" + strings.Repeat("y", 101)})
	wantSettingsError(t, err, `SOCKET__SOCKET_DIR="$`+strings.Repeat("y", 98)+"...: $"+strings.Repeat("y", 100)+"... is not set")
	_, err = LoadSettingsEnviron("", "", []string{"SOCKET__SOCKET_DIR=$X", "X=a\tb"})
	wantSettingsError(t, err, `SOCKET__SOCKET_DIR="$X": must not contain control characters`)
	// What is not used is not expanded.
	if s, err := LoadSettingsEnviron("", "socket_dir = '/x'", []string{"SOCKET__SOCKET_DIR=$NOPE"}); err != nil || s.SocketDir != "/x" {
		t.Errorf("overridden: %v", err)
	}
}
