package examples

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The viewers of progress in event loops, and in languages that load the
// library as they do any in C. `make viewers` makes them.
var (
	loops     = named("examples/loops/*.c")
	otherways = append(named("examples/languages/*"), loops...)
)

// named gives what the files of a pattern are named, without directory and
// extension.
func named(pattern string) []string {
	files, _ := filepath.Glob(filepath.Join("..", pattern))
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	return files
}

// startViewer starts one of them; what could not be made is skipped, with the
// reason.
func (c *cell) startViewer(name string, args ...string) *process {
	c.Helper()
	program := filepath.Join(root, "build/viewers", name)
	if reason, err := os.ReadFile(program + ".missing"); err == nil {
		c.Skipf("no viewer in %s: %s", name, reason)
	}
	return c.run(name+" viewer", program, args)
}

// TestViewers: each sees what the viewers in Go, C and Python see.
func TestViewers(t *testing.T) {
	if len(otherways) < 8 {
		t.Fatalf("only %v are there", otherways)
	}
	for _, name := range otherways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCell(t, "progress", "unix", "c", "c")
			directory := filepath.Join(c.directory, "tree")
			makeTree(c, directory)
			viewer := c.startViewer(name, "unix", "2")
			c.startServer("unix", directory, "1").end()

			// In the second run, which a C viewer joins, a file is gone when
			// it is to be read.
			server := c.startServer("unix", directory, "2")
			server.waitFor("serving progress over unix, files: %d, viewers expected: 2", len(treeFiles))
			c.must(os.Remove(filepath.Join(directory, "b/c/d")))
			c.startClient("unix", "1").prints("%s", bars("b/c/d"))
			server.end()
			viewer.prints("%s", bars("")+bars("b/c/d"))
			c.report()
		})
	}
}

// TestViewersUsage: each says what it takes, and what the library reports.
func TestViewersUsage(t *testing.T) {
	for _, name := range otherways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCell(t, "progress", "unix", "", "")
			c.startViewer(name).fails(64, "unix|tcp RUNS (0: for ever)")
			c.startViewer(name, "carrier-pigeon", "1").fails(69, "carrier-pigeon")
			c.report()
		})
	}
}

// TestLoopsEnd: a signal ends a viewer through its loop, in which it stands
// beside the library.
func TestLoopsEnd(t *testing.T) {
	for _, name := range loops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCell(t, "progress", "unix", "c", "c")
			directory := filepath.Join(c.directory, "tree")
			makeTree(c, directory)
			viewer := c.startViewer(name, "unix", "0")
			c.startServer("unix", directory, "1").end()
			viewer.waitFor("[%s] done, files: %d", strings.Repeat("#", 20), len(treeFiles))
			c.must(viewer.cmd.Process.Signal(syscall.SIGTERM))
			viewer.prints("%s", bars(""))
			c.report()
		})
	}
}
