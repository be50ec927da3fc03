// Package examples holds no code of its own. Its test runs every scenario with
// a server of each language and clients of each language, over both
// transports, as processes, and compares all that they print.
package examples

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

var languages = []string{"go", "c", "python"}

var scenarios = []struct {
	name       string
	transports []string
	run        func(*cell)
}{
	{"progress", []string{"unix", "tcp"}, progress},
	{"broadcast", []string{"unix", "tcp"}, broadcast},
	{"types", []string{"unix", "tcp"}, types},
	{"ask", []string{"unix", "tcp"}, ask},
	{"tcp", []string{"tcp"}, tcp},
}

func TestMatrix(t *testing.T) {
	for _, scenario := range scenarios {
		for _, transport := range scenario.transports {
			for _, server := range languages {
				for _, client := range languages {
					name := fmt.Sprintf("%s/%s/%s-server/%s-client", scenario.name, transport, server, client)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						c := newCell(t, scenario.name, transport, server, client)
						scenario.run(c)
						c.report()
					})
				}
			}
		}
	}
}

// progress: two viewers that are started before the server see two runs. In the
// second, which a third viewer joins, a file is gone when it is to be read.
func progress(c *cell) {
	directory := filepath.Join(c.directory, "tree")
	makeTree(c, directory)
	started := "serving progress over %s, files: %d, viewers expected: %d"
	viewers := []*process{c.startClient(c.transport, "2"), c.startClient(c.transport, "2")}
	c.startServer(c.transport, directory, "2").
		prints(started+"\nhashed files: %d\n", c.transport, len(treeFiles), 2, len(treeFiles))

	server := c.startServer(c.transport, directory, "3")
	server.waitFor(started, c.transport, len(treeFiles), 3)
	c.must(os.Remove(filepath.Join(directory, "b/c/d")))
	late := c.startClient(c.transport, "1")
	server.prints(started+"\nhashed files: %d\n", c.transport, len(treeFiles), 3, len(treeFiles)-1)

	second := bars("b/c/d")
	for _, viewer := range viewers {
		viewer.prints("%s", bars("")+second)
	}
	late.prints("%s", second)
}

// treeFiles are the files that progress is run over, in the order of their
// bytes, in which a directory does not stand where its files do.
var treeFiles = []string{"a.txt", "a/empty", "a/z", "ab", "b/c/d", "über.txt"}

// treeContent has the lengths at which SHA-256 begins another block.
func treeContent(i int) string { return strings.Repeat("x", []int{1, 0, 55, 56, 64, 1000}[i]) }

func makeTree(c *cell, directory string) {
	for i, file := range treeFiles {
		name := filepath.Join(directory, file)
		c.must(os.MkdirAll(filepath.Dir(name), 0o700))
		c.must(os.WriteFile(name, []byte(treeContent(i)), 0o600))
	}
	c.must(os.Symlink("a.txt", filepath.Join(directory, "link"))) // no regular file
}

// bars is what a viewer prints of a run in which one file was gone.
func bars(gone string) string {
	var lines strings.Builder
	hashed := 0
	for i, file := range treeFiles {
		if file == gone {
			fmt.Fprintf(&lines, "%s: cannot be read\n", file)
			continue
		}
		hashed++
		percent := 100 * float64(i+1) / float64(len(treeFiles))
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(treeContent(i))))
		fmt.Fprintf(&lines, "[%-20s] %5.1f %% %.8s %s\n", strings.Repeat("#", int(percent/5)), percent, sum, path.Base(file))
	}
	fmt.Fprintf(&lines, "[%s] done, files: %d\n", strings.Repeat("#", 20), hashed)
	return lines.String()
}

// broadcast: two clients see everything, one that comes late the last three
// messages and what follows.
func broadcast(c *cell) {
	server := c.startServer(c.transport, "2")
	server.waitFor("serving broadcast over %s, clients expected: 2", c.transport)
	early := []*process{c.startClient(c.transport), c.startClient(c.transport)}
	server.waitFor("sent: 5, one more client expected")
	for _, client := range early {
		client.waitFor("5 sun")
	}
	late := c.startClient(c.transport)

	server.prints("serving broadcast over %s, clients expected: 2\nsent: 5, one more client expected\nsent: 6\n", c.transport)
	for _, client := range early {
		client.prints("1 rain\n2 wind\n3 snow\n4 fog\n5 sun\n6 rainbow\n")
	}
	late.prints("3 snow\n4 fog\n5 sun\n6 rainbow\n")
}

// types: one client of all types, and one that is not sent DATA.
func types(c *cell) {
	server := c.startServer(c.transport, "2")
	server.waitFor("serving types over %s, clients expected: 2", c.transport)
	all, quiet := c.startClient(c.transport, "all"), c.startClient(c.transport, "quiet")

	server.prints("serving types over %s, clients expected: 2\nbackup reported\n", c.transport)
	all.prints(" 25 %%\n 50 %%\nerror: notes.txt is locked\n 75 %%\n100 %%\ndone\n")
	quiet.prints("error: notes.txt is locked\ndone\n")
}

// ask: two clients ask at the same time, and each gets its own answers.
func ask(c *cell) {
	server := c.startServer(c.transport, "2")
	server.waitFor("serving ask over %s, clients expected: 2", c.transport)
	one, other := c.startClient(c.transport, "apple", "stone", "plum"), c.startClient(c.transport, "lemon")

	server.prints("serving ask over %s, clients expected: 2\nanswered: 4\n", c.transport)
	one.prints("apple: red\nstone: error: nobody knows\nplum: blue\n")
	other.prints("lemon: yellow\n")
}

// tcp: servers of the same range take different ports of it, and when it is
// used up the next one says so.
func tcp(c *cell) {
	first := freePorts(c.T, 2)
	from, to := fmt.Sprint(first), fmt.Sprint(first+1)
	var servers []*process
	for port := first; port <= first+1; port++ {
		server := c.startServer(from, to)
		server.waitFor("serving tcp on 127.0.0.1:%d", port)
		servers = append(servers, server)
	}
	c.startServer(from, to).fails(69, fmt.Sprintf("No available port in range %s-%s", from, to))

	for i, server := range servers {
		address := fmt.Sprintf("127.0.0.1:%d", first+i)
		c.startClient(fmt.Sprint(first+i)).prints("hello from %s\n", address)
		server.prints("serving tcp on %s\ngreeted\n", address)
	}
}

// TestUsage: every program says what it takes.
func TestUsage(t *testing.T) {
	for _, scenario := range scenarios {
		for _, language := range languages {
			t.Run(scenario.name+"/"+language, func(t *testing.T) {
				t.Parallel()
				c := newCell(t, scenario.name, "", language, language)
				c.startServer().fails(64, "usage: server")
				c.startClient().fails(64, "usage: client")
				c.report()
			})
		}
	}
}

// TestNoServer: a client says what is missing and does not hang.
func TestNoServer(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			c := newCell(t, "broadcast", "unix", language, language)
			c.startClient("unix").fails(69, `nobody serves "broadcast"`)
			c.startClient("carrier-pigeon").fails(69, "carrier-pigeon")
			c.report()
		})
	}
}
