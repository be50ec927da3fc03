// The server of the types scenario reports a backup: DATA for how far it is,
// ERROR for what went wrong, CONTROL for the end.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: server unix|tcp CLIENTS")
		os.Exit(64)
	}
	transport := socket.Transport(os.Args[1])
	clients, err := strconv.Atoi(os.Args[2])
	check(err)

	ctx := context.Background()
	server, err := socket.Listen(ctx, transport, "types", socket.Config{})
	check(err)
	fmt.Printf("serving types over %s, clients expected: %d\n", transport, clients)
	check(server.WaitClients(ctx, clients))

	for _, percent := range []int{25, 50, 75, 100} {
		send(server, socket.Data, map[string]any{"percent": percent})
		if percent == 50 {
			send(server, socket.Error, map[string]any{"file": "notes.txt", "text": "is locked"})
		}
	}
	send(server, socket.Control, map[string]any{"status": "done"})
	check(server.Close()) // delivers what was sent first
	fmt.Println("backup reported")
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
