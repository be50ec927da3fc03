package socket

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateEventName(t *testing.T) {
	for _, row := range []struct{ name, event, want string }{
		{"plain", "wallpaper_progress", ""},
		{"all kinds of character", "azAZ09_-", ""},
		{"one character", "a", ""},
		{"64 characters", strings.Repeat("a", 64), ""},
		{"empty", "", "Event name cannot be empty"},
		{"65 characters", strings.Repeat("a", 65), "Event name too long: 65 > 64"},
		{"65 characters of two bytes", strings.Repeat("é", 65), "Event name too long: 65 > 64"},
		{"space", "a b", "Invalid event name: 'a b'"},
		{"slash", "../a", "Invalid event name: '../a'"},
		{"dot", "a.b", "Invalid event name: 'a.b'"},
		{"not ASCII", "é", "Invalid event name: 'é'"},
		{"newline at the end", "a\n", `Invalid event name: 'a\n'`},
		{"NUL", "a\x00", `Invalid event name: 'a\x00'`},
		{"not UTF-8", "\xff", `Invalid event name: '\xff'`},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := ValidateEventName(row.event)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, row.want)
		})
	}
}
