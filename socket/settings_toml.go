package socket

import (
	"errors"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"
)

// Limits of a settings text. The parser takes memory with the square of the
// depth to which keys are nested; the second limit bounds that depth and is far
// from any text that has settings in it.
const (
	maxSettingsBytes   = 64 << 10
	maxSettingsNesting = 1000
)

// A settingsText is one TOML text that is being read.
type settingsText struct {
	file  string // "": the overrides
	text  string
	flat  Transport // its keys may stand without their table; "": none
	meta  toml.MetaData
	found []positioned
}

// positioned is a given setting and the offset of its value in the text.
type positioned struct {
	givenSetting
	offset int
}

// readSettingsTOML returns what a file, or the overrides, gives, in the order
// of the text. A file has a [socket] table, overrides are its content.
func readSettingsTOML(file, text string, flat Transport) ([]givenSetting, error) {
	d := &settingsText{file: file, text: strings.TrimPrefix(text, "\ufeff"), flat: flat}
	if err := d.checkLimits(); err != nil {
		return nil, err
	}
	var keys map[string]toml.Primitive
	var err error
	if d.meta, err = toml.Decode(d.text, &keys); err != nil {
		return nil, d.broken(err)
	}
	scope := ""
	if file == "" {
		scope = "socket"
	}
	if err := d.walk(scope, keys, 0); err != nil {
		return nil, err
	}
	sort.Slice(d.found, func(i, j int) bool { return d.found[i].offset < d.found[j].offset })
	given := make([]givenSetting, len(d.found))
	for i := range d.found {
		given[i] = d.found[i].givenSetting
	}
	return given, nil
}

// source is how errors about the whole text call it.
func (d *settingsText) source() string {
	if d.file == "" {
		return "arguments"
	}
	return d.file
}

func (d *settingsText) checkLimits() error {
	switch {
	case len(d.text) > maxSettingsBytes:
		return fail(ErrSettings, "%s: must be at most %d bytes of TOML", d.source(), maxSettingsBytes)
	case strings.Count(d.text, ".")+strings.Count(d.text, "{") > maxSettingsNesting:
		return fail(ErrSettings, "%s: must have at most %d dots and braces", d.source(), maxSettingsNesting)
	case strings.HasPrefix(d.text, "\xff\xfe"), strings.HasPrefix(d.text, "\xfe\xff"):
		return fail(ErrSettings, "%s: must be UTF-8", d.source())
	}
	return nil
}

// broken turns an error of the parser into ours.
func (d *settingsText) broken(err error) error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return fail(ErrSettings, "%s: invalid TOML: %w", d.source(), err)
	}
	key := ""
	if parse.LastKey != "" {
		key = printable(parse.LastKey) + ": "
	}
	line := max(parse.Position.Line, 1) // the parser may say 0 at the end of a text
	return fail(ErrSettings, "%s:%d: %sinvalid TOML: %s", d.source(), line, key, printable(parse.Message))
}

// subtable is the table that a key opens within a scope, "" for none. The root
// of a file is the scope "". A [socket] within [socket] is the same table, once:
// the original module looked there.
func subtable(scope, key string, depth int) string {
	switch {
	case key == "socket" && scope != "unix" && scope != "tcp" && depth < 2,
		scope == "socket" && (key == "unix" || key == "tcp"):
		return key
	}
	return ""
}

// walk finds the settings of a table and of the tables in it.
func (d *settingsText) walk(scope string, keys map[string]toml.Primitive, depth int) error {
	for key, primitive := range keys {
		at, err := d.look(primitive)
		if err != nil {
			return err
		}
		key = strings.ToLower(key)
		table := subtable(scope, key, depth)
		if table == "" {
			d.add(at, givenSetting{key: key, setting: d.find(scope, key)})
			continue
		}
		children, err := d.children(at)
		if err != nil {
			return err
		}
		if children == nil {
			d.add(at, givenSetting{key: key, problem: "must be a table"})
			continue
		}
		if err := d.walk(table, children, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *settingsText) find(scope, key string) *setting {
	if k := settingOf(scope, key); k != nil || scope != "socket" {
		return k
	}
	return settingOf(string(d.flat), key)
}

func (d *settingsText) add(at sighting, g givenSetting) {
	g.value = at.value
	g.origin = settingOrigin{file: d.file, name: at.key, value: " = " + showValue(at.value)}
	if d.file == "" {
		g.origin.name = "argument " + at.key
	} else {
		g.origin.line = 1 + strings.Count(d.text[:at.offset], "\n")
	}
	d.found = append(d.found, positioned{g, at.offset})
}

// A sighting is a value in the text: what it is and where.
type sighting struct {
	primitive toml.Primitive
	key       string // full, as it is written in the text
	value     any
	offset    int // of the value in the text
}

// look finds out where a value stands. The parser says so only when a type
// refuses the value, so spotter refuses every one.
func (d *settingsText) look(primitive toml.Primitive) (sighting, error) {
	var s spotter
	var refused toml.ParseError
	if err := d.meta.PrimitiveDecode(primitive, &s); !errors.As(err, &refused) {
		return sighting{}, d.broken(err)
	}
	at := sighting{primitive: primitive, key: printable(refused.LastKey), value: s.value, offset: refused.Position.Start}
	if refused.Position.Line > 0 {
		return at, nil
	}
	// A table that only dotted keys or the headers of its own tables made
	// begins with the first of what is in it.
	children, err := d.children(at)
	if err != nil {
		return sighting{}, err
	}
	at.offset = len(d.text)
	for _, child := range children {
		inner, err := d.look(child)
		if err != nil {
			return sighting{}, err
		}
		at.offset = min(at.offset, inner.offset)
	}
	return at, nil
}

// children returns the keys of a table, nil for any other value.
func (d *settingsText) children(at sighting) (map[string]toml.Primitive, error) {
	if _, ok := at.value.(map[string]any); !ok {
		return nil, nil
	}
	keys := map[string]toml.Primitive{}
	if err := d.meta.PrimitiveDecode(at.primitive, &keys); err != nil {
		return nil, d.broken(err)
	}
	return keys, nil
}

type spotter struct{ value any }

var errSpotted = errors.New("spotted")

func (s *spotter) UnmarshalTOML(v any) error {
	s.value = v
	return errSpotted
}
