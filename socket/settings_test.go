package socket

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEverySettingHasACase(t *testing.T) {
	for _, k := range settingsTable {
		if _, ok := settingCases[k.name()]; !ok {
			t.Errorf("%s: settingCases has no row for it", k.name())
		}
	}
	if len(settingCases) != len(settingsTable) {
		t.Errorf("%d cases for %d settings", len(settingCases), len(settingsTable))
	}
}

// A key that may stand without its table must not mean two things.
func TestSettingsOfTransportsAreNoneOfSocket(t *testing.T) {
	for _, k := range settingsTable {
		if k.table != "socket" && settingOf("socket", k.key) != nil {
			t.Errorf("%s is also a key of [socket]", k.name())
		}
	}
}

// A source is a way to give one value to some keys. It returns the settings, and
// what the message about a bad value of the first key begins with.
type source struct {
	name string
	load func(t *testing.T, keys []*setting, v, shown string) (*Settings, string, error)
}

var sources = []source{
	{"file", func(t *testing.T, keys []*setting, v, shown string) (*Settings, string, error) {
		path := writeSettings(t, "# a comment\n"+assignments(keys, v))
		s, err := LoadSettingsEnviron("", "", []string{"SOCKET_SETTINGS_FILE=" + path})
		return s, fmt.Sprintf("%s:2: %s = %s: ", path, keys[0].name(), shown), err
	}},
	{"environment", func(_ *testing.T, keys []*setting, v, _ string) (*Settings, string, error) {
		var variables []string
		for _, k := range keys {
			variables = append(variables, k.environment()+"="+v)
		}
		s, err := LoadSettingsEnviron("", "", variables)
		return s, keys[0].environment() + "=" + showValue(v) + ": ", err
	}},
	{"overrides", func(_ *testing.T, keys []*setting, v, shown string) (*Settings, string, error) {
		s, err := LoadSettingsEnviron("", assignments(keys, v), nil)
		return s, fmt.Sprintf("argument %s = %s: ", keys[0].name(), shown), err
	}},
}

func assignments(keys []*setting, v string) string {
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&text, "%s = %s\n", k.name(), v)
	}
	return text.String()
}

// withBound returns the key, and the one that bounds it: given the same value,
// the two are in order.
func withBound(k *setting) []*setting {
	for _, p := range ascending {
		switch {
		case k.table == p.table && k.key == p.low:
			return []*setting{k, settingOf(p.table, p.high)}
		case k.table == p.table && k.key == p.high:
			return []*setting{k, settingOf(p.table, p.low)}
		}
	}
	return []*setting{k}
}

func writeSettings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingFromEverySource(t *testing.T) {
	for _, k := range settingsTable {
		c := settingCases[k.name()]
		t.Run(k.name(), func(t *testing.T) {
			if got := k.value(DefaultSettings()); !reflect.DeepEqual(got, c.initial) {
				t.Errorf("default %#v, want %#v", got, c.initial)
			}
			for _, from := range sources {
				t.Run(from.name, func(t *testing.T) { testSource(t, from, k, c) })
			}
		})
	}
}

func testSource(t *testing.T, from source, k *setting, c settingCase) {
	for _, a := range c.accepts {
		s, _, err := from.load(t, withBound(k), a.text, a.text)
		if err != nil {
			t.Errorf("%s: %v", a.text, err)
			continue
		}
		if got := k.value(s); !reflect.DeepEqual(got, a.want) {
			t.Errorf("%s: got %#v, want %#v", a.text, got, a.want)
		}
		if len(s.Warnings) > 0 {
			t.Errorf("%s: warnings %q", a.text, s.Warnings)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s, validated: %v", a.text, err)
		}
	}
	for _, r := range c.refuses {
		if r.fileOnly && from.name == "environment" {
			continue
		}
		shown := r.shown
		if shown == "" {
			shown = r.text
		}
		_, where, err := from.load(t, []*setting{k}, r.text, shown)
		wantSettingsError(t, err, where+r.why)
	}
}

func wantSettingsError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !errors.Is(err, ErrSettings):
		t.Errorf("%q is not ErrSettings", err)
	case err.Error() != want:
		t.Errorf("error\n got %s\nwant %s", err, want)
	}
}

// otherSettings gives every key a value that is not its default.
const otherSettings = `
[socket]
socket_dir = "/run/x"
default_timeout = 1
buffer_size = 2
buffer_bytes = 65537
timezone = "America/Lima"
message_queue_size = 3
blocking_mode = true
allow_client_send = false
max_message_size = 2000
log_messages = 4
log_bytes = 65538
slow_client = "block"
send_timeout = 2.5
linger = 0
frame_timeout = 3
history_size = 5
retain_keys = 6
reconnect = false
wait_for_server = true
name = "viewer"
types = ["error"]
log_level = "warn"
socket_activation = false
sd_notify = true
spin_us = 50
[socket.unix]
max_connections = 7
socket_permissions = "0660"
auto_remove_socket = false
allowed_uids = [1000]
allowed_gids = [100]
readonly_uids = [1001]
reconnect_min = 0.1
reconnect_max = 0.2
[socket.tcp]
host = "::"
port = 5000
port_range_start = 6000
port_range_end = 6001
max_connections = 8
reconnect_min = 0.3
reconnect_max = 0.4
heartbeat = 0
insecure = true
tls = true
tls_cert_file = "/x/cert.pem"
tls_key_file = "/x/key.pem"
tls_client_ca_file = "/x/clients.pem"
tls_ca_file = "/x/ca.pem"
tls_server_name = "example.org"
token_file = "/x/token"
`

func TestSettingsFields(t *testing.T) {
	lima, err := time.LoadLocation("America/Lima")
	if err != nil {
		t.Fatal(err)
	}
	want := &Settings{
		SocketDir: "/run/x", DefaultTimeout: time.Second, BufferSize: 2, BufferBytes: 65537,
		Timezone: "America/Lima", Location: lima, MessageQueueSize: 3, BlockingMode: true,
		MaxMessageSize: 2000, LogMessages: 4, LogBytes: 65538, SlowClient: SlowBlock,
		SendTimeout: 2500 * time.Millisecond, FrameTimeout: 3 * time.Second, HistorySize: 5, RetainKeys: 6,
		WaitForServer: true, Name: "viewer", Types: []MessageType{Error}, LogLevel: slog.LevelWarn,
		SdNotify: true, Spin: 50 * time.Microsecond,
		Unix: UnixSettings{
			MaxConnections: 7, SocketPermissions: 0o660, AllowedUIDs: []int{1000}, AllowedGIDs: []int{100}, ReadonlyUIDs: []int{1001},
			ReconnectMin: 100 * time.Millisecond, ReconnectMax: 200 * time.Millisecond,
		},
		TCP: TCPSettings{
			Host: "::", Port: 5000, PortRangeStart: 6000, PortRangeEnd: 6001, MaxConnections: 8,
			ReconnectMin: 300 * time.Millisecond, ReconnectMax: 400 * time.Millisecond, Insecure: true,
			TLS: true, TLSCertFile: "/x/cert.pem", TLSKeyFile: "/x/key.pem", TLSClientCAFile: "/x/clients.pem",
			TLSCAFile: "/x/ca.pem", TLSServerName: "example.org", TokenFile: "/x/token",
		},
	}
	got, err := LoadSettingsEnviron("", otherSettings, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	byDefault := DefaultSettings()
	for _, k := range settingsTable {
		if reflect.DeepEqual(k.value(got), k.value(byDefault)) {
			t.Errorf("%s: otherSettings gives it its default", k.name())
		}
	}
	if n := got.maxConnections(Unix); n != 7 {
		t.Errorf("maxConnections(Unix) = %d", n)
	}
	if n := got.maxConnections(TCP); n != 8 {
		t.Errorf("maxConnections(TCP) = %d", n)
	}
	if low, high := got.reconnectDelays(Unix); low != 100*time.Millisecond || high != 200*time.Millisecond {
		t.Errorf("reconnectDelays(Unix) = %v, %v", low, high)
	}
	if low, high := got.reconnectDelays(TCP); low != 300*time.Millisecond || high != 400*time.Millisecond {
		t.Errorf("reconnectDelays(TCP) = %v, %v", low, high)
	}
}

// What Map gives is what settings.toml would say: read again, nothing changes.
func TestSettingsMapReadsBack(t *testing.T) {
	s, err := LoadSettingsEnviron("", otherSettings, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	m := s.Map()
	for _, table := range []string{"", "unix", "tcp"} {
		if table != "" {
			m = s.Map()[table].(map[string]any)
			fmt.Fprintf(&text, "[%s]\n", table)
		}
		for key, v := range m {
			if _, ok := v.(map[string]any); !ok {
				fmt.Fprintf(&text, "%s = %s\n", key, showValue(v))
			}
		}
	}
	again, err := LoadSettingsEnviron("", text.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, again) {
		t.Errorf("got  %+v\nwant %+v", again, s)
	}
}

func TestDefaultsAreSeparate(t *testing.T) {
	s := DefaultSettings()
	s.Types = append(s.Types, Error)
	s.Unix.MaxConnections++
	if other := DefaultSettings(); len(other.Types) != 0 || other.Unix.MaxConnections != 10 {
		t.Error("changing one changes the next")
	}
	if err := DefaultSettings().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Settings)
		want   string
	}{
		{"bound", func(s *Settings) { s.Unix.MaxConnections = 0 }, "socket.unix.max_connections = 0: must be greater than 0"},
		{"time", func(s *Settings) { s.Linger = -time.Second }, "socket.linger = -1: must be 0 or more"},
		{"policy", func(s *Settings) { s.SlowClient = "wait" }, `socket.slow_client = "wait": ` + aSlowPolicy},
		{"level", func(s *Settings) { s.LogLevel = 2 }, `socket.log_level = "INFO+2": ` + aLevel},
		{"type", func(s *Settings) { s.Types = []MessageType{9} }, `socket.types = ["message_type_9"]: ` + someTypes},
		{"mode", func(s *Settings) { s.Unix.SocketPermissions = 0o4755 }, `socket.unix.socket_permissions = "4755": ` + octalText},
		{"zone", func(s *Settings) { s.Timezone = "" }, `socket.timezone = "": ` + aZone},
		{"location", func(s *Settings) { s.Location = nil }, "Settings.Location must not be nil"},
		{"order", func(s *Settings) { s.TCP.PortRangeStart = 9500 }, "socket.tcp.port_range_end = 9100: must not be less than socket.tcp.port_range_start = 9500"},
		{"policy given", func(s *Settings) { s.SlowClient = SlowLatest }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := DefaultSettings()
			test.change(s)
			err := s.Validate()
			if test.want != "" {
				wantSettingsError(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestShowValueOfEveryKind(t *testing.T) {
	day := time.Date(2026, 5, 1, 12, 0, 0, 5000000, time.UTC)
	for _, test := range []struct {
		v    any
		want string
	}{
		{day, "2026-05-01T12:00:00.005Z"},
		{[]any{int64(1), true, "a"}, `[1, true, "a"]`},
		{[]map[string]any{{"a": 1}}, "{...}"},
		{0.25, "0.25"},
		{strings.Repeat("ñ", 101), `"` + strings.Repeat("ñ", 99) + "..."},
	} {
		if got := showValue(test.v); got != test.want {
			t.Errorf("showValue(%v) = %s, want %s", test.v, got, test.want)
		}
	}
}
