package socket

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A value follows its file, is not made again without need, and stays when the
// file is of no use; that is logged once, however often it is asked for.
func TestReloading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	loads := 0
	load := func() (string, error) {
		loads++
		content, err := os.ReadFile(path)
		if string(content) == "bad" {
			err = errors.New("of no use")
		}
		return string(content), err
	}
	_, err := newReloading(load, path)
	require.ErrorIs(t, err, os.ErrNotExist)

	write := func(content string) { replaceFile(t, path, []byte(content), 0o600) }
	write("one")
	r, err := newReloading(load, path)
	require.NoError(t, err)
	log := &syncBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	get := func() string { return r.get(logger) }
	loads = 0
	require.Equal(t, "one", get())
	require.Zero(t, loads)

	write("two")
	require.Equal(t, "two", get())
	require.Equal(t, "two", get())
	require.Equal(t, 1, loads)
	require.Equal(t, 1, strings.Count(log.String(), "read again"))

	write("bad")
	for range 3 {
		require.Equal(t, "two", get())
	}
	require.Equal(t, 1, strings.Count(log.String(), "of no use"))
	require.NoError(t, os.Remove(path))
	for range 3 {
		require.Equal(t, "two", get())
	}
	require.Equal(t, 1, strings.Count(log.String(), "no such file"))
	write("three")
	require.Equal(t, "three", get())
}
