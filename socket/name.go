package socket

import (
	"strconv"
	"unicode/utf8"
)

// MaxEventName is the most characters an event's name may have.
const MaxEventName = 64

// ValidateEventName checks the name of an event: 1 to 64 of A-Z a-z 0-9 _ -.
// The error is ErrInvalid.
func ValidateEventName(name string) error {
	if name == "" {
		return fail(ErrInvalid, "Event name cannot be empty")
	}
	if n := utf8.RuneCountInString(name); n > MaxEventName {
		return fail(ErrInvalid, "Event name too long: %d > %d", n, MaxEventName)
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			quoted := strconv.Quote(name)
			return fail(ErrInvalid, "Invalid event name: '%s' (allowed are A-Z a-z 0-9 _ -)", quoted[1:len(quoted)-1])
		}
	}
	return nil
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
