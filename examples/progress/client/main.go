// A viewer of the progress scenario draws a bar for each run of the server. It
// may be started first, and waits for the next run after each.
package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client unix|tcp RUNS (0: for ever)")
		os.Exit(64)
	}
	transport := socket.Transport(os.Args[1])
	runs, err := strconv.Atoi(os.Args[2])
	check(err)

	// A terminal shows one line that changes, anything else gets them all.
	start, stop := "", "\n"
	if out, err := os.Stdout.Stat(); err == nil && out.Mode()&os.ModeCharDevice != 0 {
		start, stop = "\r\033[K", ""
	}
	ctx := context.Background()
	settings, err := socket.LoadSettings(transport, "wait_for_server = true")
	check(err)
	client, err := socket.Dial(ctx, transport, "progress", socket.Config{Settings: settings})
	check(err)

	seen := 0
	for message, err := range client.Messages(ctx) {
		check(err)
		var data struct {
			File    string  `msgpack:"file"`
			SHA256  string  `msgpack:"sha256"`
			Text    string  `msgpack:"text"`
			Percent float64 `msgpack:"percent"`
			Files   int     `msgpack:"files"`
		}
		check(message.Decode(&data))
		switch message.Type {
		case socket.Data:
			bar := strings.Repeat("#", int(data.Percent/5))
			fmt.Printf("%s[%-20s] %5.1f %% %.8s %s%s", start, bar, data.Percent, data.SHA256, path.Base(data.File), stop)
		case socket.Error:
			fmt.Printf("%s%s: %s\n", start, data.File, data.Text)
		case socket.Control:
			fmt.Printf("%s[%s] done, files: %d\n", start, strings.Repeat("#", 20), data.Files)
			if seen++; seen == runs {
				check(client.Close())
				return
			}
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
