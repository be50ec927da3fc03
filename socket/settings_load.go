package socket

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// LoadSettings resolves the settings for a server or client: the defaults, then
// the user's settings.toml, the file named by SOCKET_SETTINGS_FILE, the
// environment, and last the overrides, TOML text as in the [socket] table; what
// comes later wins. With a transport, the keys of its table may stand in the
// overrides without it; t may be "". The error is ErrSettings and names the
// place, the key, the value and its bound.
func LoadSettings(t Transport, overrides string) (*Settings, error) {
	return LoadSettingsEnviron(t, overrides, os.Environ())
}

// LoadSettingsEnviron is LoadSettings with an environment of its own, a list of
// "NAME=value". A Go library in a foreign process needs it: it sees the
// environment of the moment it was loaded, not what setenv changed since.
func LoadSettingsEnviron(t Transport, overrides string, environ []string) (*Settings, error) {
	if t != "" && t != Unix && t != TCP {
		return nil, unknownTransport(string(t))
	}
	env := newEnvironment(environ)
	l := &settingsLoad{settings: DefaultSettings(), origins: map[*setting]settingOrigin{}}
	for _, file := range env.settingsFiles() {
		l.settings.Files = append(l.settings.Files, file.path)
		if err := l.applyFile(file); err != nil {
			return nil, err
		}
	}
	for _, prefix := range []string{"DYNACONF_SOCKET__", "SOCKET__"} {
		if err := l.apply(env.settings(prefix)); err != nil {
			return nil, err
		}
	}
	given, err := readSettingsTOML("", overrides, t)
	if err != nil {
		return nil, err
	}
	if err := l.apply(given); err != nil {
		return nil, err
	}
	return l.finish(env)
}

// A givenSetting is a value that some source gives to a key.
type givenSetting struct {
	origin  settingOrigin
	key     string   // lower-case, without its table
	setting *setting // nil: no such key
	value   any      // TOML value
	problem string   // why it can be no value of anything; "": it may be one
}

// A settingOrigin says where a value comes from, for error messages.
type settingOrigin struct {
	file  string // "": not from a file
	line  int
	name  string // the key, the variable, or "argument" and the key
	value string // the value with its sign: ` = 0` or `="x"`
	rank  int    // which of two values came later; 0: a default
}

func (o settingOrigin) String() string { return o.key() + o.value }

// key is the origin without the value.
func (o settingOrigin) key() string {
	if o.file == "" {
		return o.name
	}
	return fmt.Sprintf("%s:%d: %s", o.file, o.line, o.name)
}

func (o settingOrigin) refuse(why string) error { return fail(ErrSettings, "%s: %s", o, why) }

// settingsLoad is the state of one LoadSettings.
type settingsLoad struct {
	settings *Settings
	origins  map[*setting]settingOrigin // of what is not a default
	rank     int
}

// apply takes over what one source gives, in its order.
func (l *settingsLoad) apply(given []givenSetting) error {
	seen := map[*setting]settingOrigin{}
	for _, g := range given {
		if g.problem != "" {
			return g.origin.refuse(g.problem)
		}
		if why := refusedKeys[g.key]; g.setting == nil && why != "" {
			return fail(ErrSettings, "%s: %s", g.origin.key(), why)
		}
		if g.setting == nil {
			l.settings.Warnings = append(l.settings.Warnings, g.origin.key()+": unknown key"+hint(g.key))
			continue
		}
		if first, twice := seen[g.setting]; twice {
			return g.origin.refuse("already given by " + first.key())
		}
		value, err := g.setting.kind.parse(g.value)
		if err != nil {
			return g.origin.refuse(err.Error())
		}
		l.rank++
		g.origin.rank = l.rank
		g.setting.field.set(l.settings, value)
		l.origins[g.setting], seen[g.setting] = g.origin, g.origin
	}
	return nil
}

func (l *settingsLoad) applyFile(file settingsFile) error {
	text, err := file.read()
	if err != nil {
		return err
	}
	given, err := readSettingsTOML(file.path, text, "")
	if err != nil {
		return err
	}
	return l.apply(given)
}

// refusedKeys are keys that there are not, and whose value would not do what
// their author relies on. The value is not repeated.
var refusedKeys = map[string]string{
	"token": "a token is not a setting, since those are shown, inherited and logged: write it to a file of mode 0600, and name that in token_file",
}

// hint names the keys that an unknown one may stand for: those of the same
// name in another table.
func hint(key string) string {
	var known []string
	for _, k := range settingsTable {
		if k.key == key {
			known = append(known, k.name())
		}
	}
	if known == nil {
		return ""
	}
	return "; known: " + strings.Join(known, ", ")
}

// printable makes what a message repeats from a text fit for one line of a log.
func printable(s string) string {
	const most = 100
	runes := []rune(s)
	for i, r := range runes {
		if unicode.IsControl(r) {
			runes[i] = unicode.ReplacementChar
		}
	}
	if len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return string(runes)
}

// showValue writes a TOML value for an error message.
func showValue(v any) string {
	switch v := v.(type) {
	case string:
		return printable(strconv.Quote(v))
	case []any:
		shown := make([]string, len(v))
		for i, element := range v {
			shown[i] = showValue(element)
		}
		return printable("[" + strings.Join(shown, ", ") + "]")
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool, int, int64:
		return fmt.Sprint(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return "{...}"
}
