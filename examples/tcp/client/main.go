// A client of the tcp scenario is told the port and prints the greeting.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client PORT")
		os.Exit(64)
	}
	settings, err := socket.LoadSettings(socket.TCP, "port = "+os.Args[1])
	check(err)
	ctx := context.Background()
	client, err := socket.Dial(ctx, socket.TCP, "tcp", socket.Config{Settings: settings})
	check(err)

	greeting, err := client.Receive(ctx)
	check(err)
	var data struct {
		Text string `msgpack:"text"`
	}
	check(greeting.Decode(&data))
	fmt.Println(data.Text)
	check(client.Close())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
