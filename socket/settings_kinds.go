package socket

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A settingKind is the type of a setting, with its unit and bound.
type settingKind interface {
	// describe returns what the settings page says.
	describe() (typ, unit, bound string)
	// parse turns a TOML value into the one of the field, or says what the
	// value must be.
	parse(v any) (any, error)
	// fromText turns the text of an environment variable into a TOML value.
	// Text that makes no sense is returned as it is, for parse to refuse.
	fromText(s string) any
	// format is the inverse of parse.
	format(v any) any
}

// Bounds that only keep sums and products of settings from overflowing.
const (
	maxCount   = math.MaxInt32
	maxBytes   = min(1<<40, math.MaxInt/2)
	maxSeconds = 1_000_000_000
)

func mustBe(what string) error { return errors.New("must be " + what) }

// A boolKind is true or false.
type boolKind struct{}

func (boolKind) describe() (typ, unit, bound string) { return "true or false", "", "" }

func (boolKind) parse(v any) (any, error) {
	if _, ok := v.(bool); !ok {
		return nil, mustBe("true or false")
	}
	return v, nil
}

func (boolKind) fromText(s string) any {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	return s
}

func (boolKind) format(v any) any { return v }

// An intKind is a whole number.
type intKind struct {
	unit     string
	min, max int64
	auto     bool // also -1 and 0, which stand for ports to be found
	open     bool // max is no bound of the setting, only keeps it from overflowing
}

// countOf is a number of things without an upper bound.
func countOf(unit string, min int64) intKind {
	return intKind{unit: unit, min: min, max: maxCount, open: true}
}

// bytesFrom is a size without an upper bound.
func bytesFrom(min int64) intKind {
	return intKind{unit: "bytes", min: min, max: maxBytes, open: true}
}

func (k intKind) describe() (typ, unit, bound string) {
	switch {
	case !k.open:
		if bound = fmt.Sprintf("%d to %d", k.min, k.max); k.auto {
			bound = "-1, 0 or " + bound
		}
	case k.min == 0:
		bound = "0 or more"
	case k.min == 1:
		bound = "greater than 0"
	default:
		bound = fmt.Sprintf("at least %d", k.min)
	}
	return "whole number", k.unit, bound
}

func (k intKind) parse(v any) (any, error) {
	n, ok := wholeNumber(v)
	_, _, bound := k.describe()
	if !ok {
		return nil, mustBe("a whole number, " + bound)
	}
	if k.auto && (n == -1 || n == 0) {
		return int(n), nil
	}
	if n > k.max && k.open {
		bound = fmt.Sprintf("at most %d", k.max)
	}
	if n < k.min || n > k.max {
		return nil, mustBe(bound)
	}
	return int(n), nil
}

func (intKind) fromText(s string) any { return envScalar(s) }
func (intKind) format(v any) any      { return v }

// wholeNumber takes what the TOML parser gives, and what format gives.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

// A secondsKind is a time, whole or with a fraction.
type secondsKind struct {
	positive bool
	least    time.Duration // if it is not 0
}

func (k secondsKind) describe() (typ, unit, bound string) {
	switch {
	case k.positive:
		bound = "greater than 0"
	case k.least > 0:
		bound = fmt.Sprintf("0, or at least %g", k.least.Seconds())
	default:
		bound = "0 or more"
	}
	return "number", "s", bound
}

func (k secondsKind) parse(v any) (any, error) {
	_, _, bound := k.describe()
	f, ok := v.(float64)
	if n, whole := wholeNumber(v); whole {
		f, ok = float64(n), true
	}
	switch {
	case !ok || math.IsNaN(f):
		return nil, mustBe("a number of seconds, " + bound)
	case f > maxSeconds:
		return nil, mustBe(fmt.Sprintf("at most %d", maxSeconds))
	case f < 0:
		return nil, mustBe(bound)
	}
	d := time.Duration(math.Round(f * float64(time.Second)))
	if k.positive && d == 0 || f > 0 && d < k.least { // also a time too short to be one
		return nil, mustBe(bound)
	}
	return d, nil
}

func (secondsKind) fromText(s string) any { return envScalar(s) }
func (secondsKind) format(v any) any      { return v.(time.Duration).Seconds() }

// A microsKind is a short time in whole microseconds, from 0 on.
type microsKind struct{ most int64 }

func (k microsKind) whole() intKind { return intKind{unit: "µs", max: k.most} }

func (k microsKind) describe() (typ, unit, bound string) { return k.whole().describe() }

func (k microsKind) parse(v any) (any, error) {
	n, err := k.whole().parse(v)
	if err != nil {
		return nil, err
	}
	return time.Duration(n.(int)) * time.Microsecond, nil
}

func (microsKind) fromText(s string) any { return envScalar(s) }
func (microsKind) format(v any) any      { return int(v.(time.Duration) / time.Microsecond) }

// A textKind is UTF-8 text on one line; min and max are bytes.
type textKind struct{ min, max int }

func (k textKind) describe() (typ, unit, bound string) {
	bound = fmt.Sprintf("at most %d bytes", k.max)
	if k.min > 0 {
		bound = "not empty, " + bound
	}
	return "text", "", bound
}

func (k textKind) parse(v any) (any, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return nil, mustBe("text")
	case len(s) < k.min:
		return nil, errors.New("must not be empty")
	case len(s) > k.max:
		return nil, mustBe(fmt.Sprintf("at most %d bytes", k.max))
	case !utf8.ValidString(s):
		return nil, mustBe("UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return nil, errors.New("must not contain control characters")
	}
	return s, nil
}

func (textKind) fromText(s string) any { return envText(s) }
func (textKind) format(v any) any      { return v }

// A pathKind is the path of a file or directory. What stands for something
// else in it is expanded when all sources are read.
type pathKind struct{ min int }

// maxPath is Linux's longest path.
const maxPath = 4096

func (k pathKind) text() textKind { return textKind{min: k.min, max: maxPath} }

func (k pathKind) describe() (typ, unit, bound string) {
	_, _, bound = k.text().describe()
	return "path", "", bound
}

func (k pathKind) parse(v any) (any, error) { return k.text().parse(v) }
func (pathKind) fromText(s string) any      { return envText(s) }
func (pathKind) format(v any) any           { return v }

// A zoneKind is the IANA name of a time zone.
type zoneKind struct{}

func (zoneKind) describe() (typ, unit, bound string) {
	return "text", "", "a known time zone, like Europe/Madrid"
}

func (k zoneKind) parse(v any) (any, error) {
	_, _, bound := k.describe()
	name, _ := v.(string)
	if name == "" || name == "Local" { // names that only Go knows
		return nil, mustBe(bound)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, mustBe(bound)
	}
	return loc, nil
}

func (zoneKind) fromText(s string) any { return envText(s) }
func (zoneKind) format(v any) any      { return v }

// A permissionsKind is the mode of a file in octal digits.
type permissionsKind struct{}

func (permissionsKind) describe() (typ, unit, bound string) {
	return "text", "", "octal digits with a leading 0, at most 0777"
}

func (k permissionsKind) parse(v any) (any, error) {
	s, _ := v.(string)
	mode, err := strconv.ParseUint(s, 8, 32)
	if err != nil || mode > 0o777 || len(s) < 2 || s[0] != '0' {
		_, _, bound := k.describe()
		return nil, mustBe("text of " + bound)
	}
	return os.FileMode(mode), nil
}

func (permissionsKind) fromText(s string) any { return envText(s) }
func (permissionsKind) format(v any) any      { return fmt.Sprintf("%04o", uint32(v.(os.FileMode))) }

// A choiceKind is one of some names. Their case does not matter.
type choiceKind[T comparable] []struct {
	name  string
	value T
}

func (k choiceKind[T]) describe() (typ, unit, bound string) {
	names := make([]string, len(k))
	for i, c := range k {
		names[i] = c.name
	}
	return "text", "", "one of " + strings.Join(names, ", ")
}

func (k choiceKind[T]) parse(v any) (any, error) {
	s, _ := v.(string)
	for _, c := range k {
		if strings.EqualFold(c.name, s) {
			return c.value, nil
		}
	}
	_, _, bound := k.describe()
	return nil, mustBe(bound)
}

func (choiceKind[T]) fromText(s string) any { return envText(s) }

func (k choiceKind[T]) format(v any) any {
	for _, c := range k {
		if c.value == v.(T) {
			return c.name
		}
	}
	return fmt.Sprint(v) // set by a Go program, and refused by Validate
}

// A typesKind is a list of message types.
type typesKind struct{}

func (typesKind) describe() (typ, unit, bound string) {
	return "list of text", "", "each data, error or control"
}

func (k typesKind) parse(v any) (any, error) {
	return parseList(k, v, func(v any) (MessageType, bool) {
		s, _ := v.(string)
		t, err := ParseMessageType(strings.ToLower(s))
		return t, err == nil
	})
}

func (typesKind) fromText(s string) any { return envList(s, envText) }

func (typesKind) format(v any) any {
	return formatList(v.([]MessageType), func(t MessageType) any { return t.String() })
}

// An idsKind is a list of numeric user or group ids.
type idsKind struct{}

// maxID is the highest user or group id; the number above it means "no change"
// to chown.
const maxID = math.MaxUint32 - 1

func (idsKind) describe() (typ, unit, bound string) {
	return "list of whole numbers", "", fmt.Sprintf("each 0 to %d", int64(maxID))
}

func (k idsKind) parse(v any) (any, error) {
	return parseList(k, v, func(v any) (int, bool) {
		n, ok := wholeNumber(v)
		return int(n), ok && n >= 0 && n <= maxID
	})
}

func (idsKind) fromText(s string) any { return envList(s, envScalar) }

func (idsKind) format(v any) any {
	return formatList(v.([]int), func(id int) any { return id })
}

func parseList[T any](k settingKind, v any, parse func(any) (T, bool)) (any, error) {
	typ, _, bound := k.describe()
	values, ok := v.([]any)
	if !ok {
		return nil, mustBe("a " + typ + ", " + bound)
	}
	var parsed []T
	for _, v := range values {
		p, ok := parse(v)
		if !ok {
			return nil, mustBe("a " + typ + ", " + bound)
		}
		parsed = append(parsed, p)
	}
	return parsed, nil
}

func formatList[T any](values []T, format func(T) any) any {
	formatted := make([]any, len(values))
	for i, v := range values {
		formatted[i] = format(v)
	}
	return formatted
}
