// The server of the tcp scenario takes the first free port of a range and
// greets one client.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: server FIRST-PORT LAST-PORT")
		os.Exit(64)
	}
	settings, err := socket.LoadSettings(socket.TCP, fmt.Sprintf(
		"port = -1\nport_range_start = %s\nport_range_end = %s", os.Args[1], os.Args[2]))
	check(err)
	ctx := context.Background()
	server, err := socket.Listen(ctx, socket.TCP, "tcp", socket.Config{Settings: settings})
	check(err)
	fmt.Printf("serving tcp on %s\n", server.Address())
	check(server.WaitClients(ctx, 1))

	greeting, err := socket.NewMessage(socket.Data, map[string]any{"text": "hello from " + server.Address()})
	check(err)
	check(server.Send(greeting))
	check(server.Close()) // delivers what was sent first
	fmt.Println("greeted")
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
