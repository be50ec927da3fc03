// Tells its clients how far a job is.
package main

import (
	"context"
	"log"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	ctx := context.Background()
	server, err := socket.Listen(ctx, socket.Unix, "quickstart", socket.Config{})
	check(err)
	check(server.WaitClients(ctx, 1))
	for percent := 0; percent <= 100; percent += 25 {
		message, err := socket.NewMessage(socket.Data, map[string]int{"percent": percent})
		check(err)
		check(server.Send(message))
	}
	check(server.Close()) // delivers what was sent first
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
