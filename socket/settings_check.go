package socket

import (
	"path/filepath"
	"time"
)

// finish does what needs all sources: expansion, and bounds that two keys give
// each other.
func (l *settingsLoad) finish(env environment) (*Settings, error) {
	for _, k := range settingsTable {
		if _, ok := k.kind.(pathKind); !ok {
			continue
		}
		path, err := env.expand(k.field.get(l.settings).(string))
		if err == nil {
			_, err = k.kind.parse(path)
		}
		if err != nil {
			return nil, l.origin(k).refuse(err.Error())
		}
		k.field.set(l.settings, path)
	}
	if err := l.settings.checkOrder(l.origin); err != nil {
		return nil, err
	}
	return l.settings, nil
}

// origin says where the value of a setting comes from.
func (l *settingsLoad) origin(k *setting) settingOrigin {
	if o, ok := l.origins[k]; ok {
		return o
	}
	return settingOrigin{name: k.name(), value: " = " + showValue(k.value(l.settings)) + " (the default)"}
}

// ascending are pairs of keys of a table of which the first must not be
// greater.
var ascending = []struct{ table, low, high string }{
	{"unix", "reconnect_min", "reconnect_max"},
	{"tcp", "reconnect_min", "reconnect_max"},
	{"tcp", "port_range_start", "port_range_end"},
}

// checkOrder blames the value that came later for what is wrong.
func (s *Settings) checkOrder(originOf func(*setting) settingOrigin) error {
	for _, pair := range ascending {
		low, high := settingOf(pair.table, pair.low), settingOf(pair.table, pair.high)
		if magnitude(low.field.get(s)) <= magnitude(high.field.get(s)) {
			continue
		}
		from, to := originOf(low), originOf(high)
		if from.rank > to.rank {
			return from.refuse("must not be greater than " + to.String())
		}
		return to.refuse("must not be less than " + from.String())
	}
	return nil
}

// magnitude makes numbers and durations comparable with their like.
func magnitude(v any) int64 {
	switch v := v.(type) {
	case time.Duration:
		return int64(v)
	case int:
		return int64(v)
	}
	panic("settings: not a number")
}

// Validate checks settings that a program has made or changed itself against
// the bounds that LoadSettings checks. Begin with DefaultSettings or
// LoadSettings: the zero Settings is not valid.
func (s *Settings) Validate() error {
	origin := func(k *setting) settingOrigin {
		return settingOrigin{name: k.name(), value: " = " + showValue(k.value(s))}
	}
	for _, k := range settingsTable {
		if _, err := k.kind.parse(k.value(s)); err != nil {
			return origin(k).refuse(err.Error())
		}
	}
	if s.Location == nil {
		return fail(ErrSettings, "Settings.Location must not be nil")
	}
	return s.checkOrder(origin)
}

// rooted returns the settings with paths that lead to the same files wherever
// the process goes later: a client that comes back is to find its server, and
// a file that has changed is read again.
func (s *Settings) rooted() (*Settings, error) {
	rooted := s
	for _, k := range settingsTable {
		if _, ok := k.kind.(pathKind); !ok {
			continue
		}
		path := k.field.get(s).(string)
		if path == "" || filepath.IsAbs(path) {
			continue
		}
		whole, err := filepath.Abs(path)
		if err != nil {
			return nil, fail(ErrIO, "%s = %s: the directory it counts from is gone: %w", k.name(), showValue(path), cause(err))
		}
		if rooted == s {
			changed := *s
			rooted = &changed
		}
		k.field.set(rooted, whole)
	}
	return rooted, nil
}
