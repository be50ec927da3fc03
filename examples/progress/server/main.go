// The server of the progress scenario hashes every file below a directory and
// tells its viewers how far it is.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: server unix|tcp DIRECTORY VIEWERS")
		os.Exit(64)
	}
	transport := socket.Transport(os.Args[1])
	directory, err := os.OpenRoot(os.Args[2])
	check(err)
	viewers, err := strconv.Atoi(os.Args[3])
	check(err)

	ctx := context.Background()
	server, err := socket.Listen(ctx, transport, "progress", socket.Config{})
	check(err)
	files := regularFiles(directory.FS())
	fmt.Printf("serving progress over %s, files: %d, viewers expected: %d\n", transport, len(files), viewers)
	check(server.WaitClients(ctx, viewers))

	hashed := 0
	for i, file := range files {
		step := map[string]any{
			"file":    file,
			"done":    i + 1,
			"total":   len(files),
			"percent": 100 * float64(i+1) / float64(len(files)),
		}
		if sum, err := hash(directory, file); err == nil {
			hashed++
			step["sha256"] = sum
			send(server, socket.Data, step)
		} else {
			step["text"] = "cannot be read"
			send(server, socket.Error, step)
		}
	}
	send(server, socket.Control, map[string]any{"status": "done", "files": hashed})
	check(server.Close()) // delivers what was sent first
	fmt.Printf("hashed files: %d\n", hashed)
}

func regularFiles(directory fs.FS) (files []string) {
	check(fs.WalkDir(directory, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	slices.Sort(files)
	return files
}

func hash(directory *os.Root, path string) (string, error) {
	file, err := directory.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

func send(server *socket.Server, t socket.MessageType, data any) {
	message, err := socket.NewMessage(t, data)
	check(err)
	check(server.Send(message))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
