package socket

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxTrustedFile bounds a file of certificates, a key or a token.
const maxTrustedFile = 1 << 20

// A trustedFile is a file that decides who is let in: what others could write
// there, they would decide, and what they could read of a secret, they would
// have.
type trustedFile struct {
	key    string // the setting that names it
	path   string
	secret bool
}

// read returns the content. The file must be our own, and closed to everybody
// else; or root's, who may open a secret to a group.
func (f trustedFile) read() ([]byte, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would keep us waiting
	if err != nil {
		return nil, openError(f.String(), err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, openError(f.String(), err)
	}
	if err := f.check(info, os.Geteuid()); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxTrustedFile+1))
	if err != nil {
		return nil, openError(f.String(), err)
	}
	if len(content) > maxTrustedFile {
		return nil, fail(ErrSettings, "%s: must be at most %d bytes", f, maxTrustedFile)
	}
	return content, nil
}

// check is for a process of that user.
func (f trustedFile) check(info fs.FileInfo, own int) error {
	uid := ownerOf(info).uid
	forbidden, remedy := fs.FileMode(0o022), "go-w"
	switch {
	case f.secret && uid == own:
		forbidden, remedy = 0o077, "go-rwx"
	case f.secret:
		forbidden, remedy = 0o027, "g-w,o-rwx"
	}
	switch {
	case !info.Mode().IsRegular():
		return fail(ErrNotAllowed, "%s is a %s, where a regular file is expected", f, kindOf(info.Mode()))
	case uid != own && uid != 0:
		return fail(ErrNotAllowed, "%s belongs to uid %d, which is neither uid %d nor root", f, uid, own)
	case info.Mode().Perm()&forbidden != 0:
		return fail(ErrNotAllowed, "%s has the mode %04o, which is open to others: chmod %s", f, info.Mode().Perm(), remedy)
	}
	return nil
}

func (f trustedFile) String() string { return fmt.Sprintf("%s %s", f.key, f.path) }
