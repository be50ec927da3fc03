// The server of the broadcast scenario sends the weather to all its clients,
// and the last three messages to one that comes late.
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
	settings, err := socket.LoadSettings(transport, "history_size = 3")
	check(err)
	server, err := socket.Listen(ctx, transport, "broadcast", socket.Config{Settings: settings})
	check(err)
	fmt.Printf("serving broadcast over %s, clients expected: %d\n", transport, clients)
	check(server.WaitClients(ctx, clients))

	for i, weather := range []string{"rain", "wind", "snow", "fog", "sun"} {
		send(server, socket.Data, map[string]any{"number": i + 1, "weather": weather})
	}
	fmt.Println("sent: 5, one more client expected")
	check(server.WaitClients(ctx, clients+1))

	send(server, socket.Data, map[string]any{"number": 6, "weather": "rainbow"})
	send(server, socket.Control, nil)
	check(server.Close()) // delivers what was sent first
	fmt.Println("sent: 6")
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
