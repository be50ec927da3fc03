// A client of the types scenario treats each type of message in its own way.
// A quiet one tells the server that it wants no DATA, and is sent none.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client unix|tcp all|quiet")
		os.Exit(64)
	}
	transport := socket.Transport(os.Args[1])
	types := `types = []`
	if os.Args[2] == "quiet" {
		types = `types = ["error", "control"]`
	}
	settings, err := socket.LoadSettings(transport, types)
	check(err)
	ctx := context.Background()
	client, err := socket.Dial(ctx, transport, "types", socket.Config{Settings: settings})
	check(err)

	ended := false
	for !ended {
		message, err := client.Receive(ctx)
		check(err)
		var data struct {
			Percent int    `msgpack:"percent"`
			File    string `msgpack:"file"`
			Text    string `msgpack:"text"`
			Status  string `msgpack:"status"`
		}
		check(message.Decode(&data))
		switch message.Type {
		case socket.Data:
			fmt.Printf("%3d %%\n", data.Percent)
		case socket.Error:
			fmt.Printf("error: %s %s\n", data.File, data.Text)
		case socket.Control:
			fmt.Println(data.Status)
			ended = true
		}
	}
	check(client.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
