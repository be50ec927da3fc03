package socket

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Files that decide who is let in are refused when others can change them,
// and secrets when others can read them.
func TestTrustedFiles(t *testing.T) {
	const nobody = 12345
	for _, row := range []struct {
		name   string
		make   func(t *testing.T, path string)
		public string // what is wrong with it; "": nothing
		secret string
	}{
		{"ours alone", withMode(0o600), "", ""},
		{"ours, read only", withMode(0o400), "", ""},
		{"for all to read", withMode(0o644), "", "mode 0644, which is open to others: chmod go-rwx"},
		{"for a group to read", withMode(0o640), "", "mode 0640"},
		{"for a group to write", withMode(0o620), "mode 0620, which is open to others: chmod go-w", "mode 0620"},
		{"for all to write", withMode(0o602), "mode 0602", "mode 0602"},
		{"of somebody else", ofUser(nobody, 0o600), "belongs to uid 12345", "belongs to uid 12345"},
		{"a link to ours", func(t *testing.T, path string) {
			withMode(0o600)(t, path+".real")
			require.NoError(t, os.Symlink(path+".real", path))
		}, "", ""},
		{"a link to one of somebody else", func(t *testing.T, path string) {
			ofUser(nobody, 0o600)(t, path+".real")
			require.NoError(t, os.Symlink(path+".real", path))
		}, "belongs to uid 12345", "belongs to uid 12345"},
		{"a directory", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, "is a directory", "is a directory"},
		{"a pipe that nobody writes to", func(t *testing.T, path string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) }, "is a named pipe", "is a named pipe"},
		{"not there", func(*testing.T, string) {}, "no such file", "no such file"},
		{"too large", func(t *testing.T, path string) {
			withMode(0o600)(t, path)
			require.NoError(t, os.Truncate(path, maxTrustedFile+1))
		}, "at most 1048576 bytes", "at most 1048576 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			row.make(t, path)
			for _, f := range []trustedFile{{"tls_ca_file", path, false}, {"token_file", path, true}} {
				want := row.public
				if f.secret {
					want = row.secret
				}
				content, err := f.read()
				if want == "" {
					require.NoError(t, err)
					require.Equal(t, "content", string(content))
					continue
				}
				require.ErrorContains(t, err, want)
				require.ErrorContains(t, err, f.key+" "+path)
			}
		})
	}
}

func withMode(mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, path string) { replaceFile(t, path, []byte("content"), mode) }
}

func ofUser(uid int, m os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if os.Getuid() != 0 {
			t.Skip("only root can give a file away")
		}
		withMode(m)(t, path)
		require.NoError(t, os.Chown(path, uid, uid))
	}
}

// Root may open a secret of its own to a group: then the group is who knows.
func TestTrustedFilesOfRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file of root's")
	}
	path := filepath.Join(t.TempDir(), "file")
	for _, row := range []struct {
		mode os.FileMode
		ok   bool
	}{{0o640, true}, {0o440, true}, {0o600, true}, {0o660, false}, {0o644, false}} {
		withMode(row.mode)(t, path)
		info, err := os.Stat(path)
		require.NoError(t, err)
		err = trustedFile{"token_file", path, true}.check(info, 1000)
		require.Equal(t, row.ok, err == nil, "%04o: %v", row.mode, err)
	}
}
