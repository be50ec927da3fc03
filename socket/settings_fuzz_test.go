package socket

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Whatever the text: settings within their bounds, or an error of one short
// line that says where. The same text always gives the same.
func FuzzLoadOverrides(f *testing.F) {
	for _, text := range []string{
		"", "# nothing", otherSettings,
		"max_connections = 0", "port = 5000\nlinger = 0.5",
		"[unix]\nmax_connections = 5\n[tcp]\nport = 0",
		"socket.socket.unix = { max_connections = 3, allowed_uids = [\n1000 ] }",
		"name = \"\"\"\na\\\n b\"\"\"\ntypes = ['data', \"error\"]",
		"socket_dir = '$HOME/x'", "timezone = 'Europe/Madrid'", "LINGER = 1\nlinger = 1",
		"[[socket]]\n[[socket]]", "a.b.c.d = 1979-05-27T07:32:00Z", "linger = nan", "x = 0x_1", "\ufeffname=''", "[unix",
		"log_bytes = 9223372036854775807", "send_timeout = 1e400", "\"\\", "tcp.port_range_start = 60000",
	} {
		f.Add(text)
	}
	environ := []string{"HOME=/home/u"}
	f.Fuzz(func(t *testing.T, text string) {
		for _, transport := range []Transport{"", Unix, TCP} {
			s, err := LoadSettingsEnviron(transport, text, environ)
			again, err2 := LoadSettingsEnviron(transport, text, environ)
			if !reflect.DeepEqual(s, again) || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
				t.Fatalf("first %+v, %v\nthen  %+v, %v", s, err, again, err2)
			}
			if err != nil {
				checkSettingsError(t, err)
				continue
			}
			if err := s.Validate(); err != nil {
				t.Fatalf("loaded, but not valid: %v", err)
			}
		}
	})
}

// The text of a variable can do no more than give one key a value.
func FuzzLoadVariable(f *testing.F) {
	for i, k := range settingsTable {
		for _, a := range settingCases[k.name()].accepts {
			f.Add(uint8(i), a.text)
		}
		for _, r := range settingCases[k.name()].refuses {
			f.Add(uint8(i), r.text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, value string) {
		changed := settingsTable[int(i)%len(settingsTable)]
		s, err := LoadSettingsEnviron("", "", []string{"HOME=/home/u", changed.environment() + "=" + value})
		if err != nil {
			checkSettingsError(t, err)
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("loaded, but not valid: %v", err)
		}
		for _, k := range settingsTable {
			if k != changed && !reflect.DeepEqual(k.value(s), k.value(DefaultSettings())) {
				t.Fatalf("%s of %s changed %s", value, changed.name(), k.name())
			}
		}
	})
}

func checkSettingsError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrSettings) {
		t.Fatalf("%v is not ErrSettings", err)
	}
	if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 1000 {
		t.Fatalf("error of several lines, or a very long one: %q", err)
	}
}
