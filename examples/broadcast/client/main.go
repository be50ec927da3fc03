// A client of the broadcast scenario prints the weather until the server says
// that it is done.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client unix|tcp")
		os.Exit(64)
	}
	ctx := context.Background()
	client, err := socket.Dial(ctx, socket.Transport(os.Args[1]), "broadcast", socket.Config{})
	check(err)

	for message, err := range client.Messages(ctx) {
		check(err)
		if message.Type == socket.Control {
			break
		}
		var data struct {
			Number  int    `msgpack:"number"`
			Weather string `msgpack:"weather"`
		}
		check(message.Decode(&data))
		fmt.Printf("%d %s\n", data.Number, data.Weather)
	}
	check(client.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
