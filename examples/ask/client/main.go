// A client of the ask scenario asks for the colours of fruits.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: client unix|tcp FRUIT...")
		os.Exit(64)
	}
	fruits := os.Args[2:]
	ctx := context.Background()
	client, err := socket.Dial(ctx, socket.Transport(os.Args[1]), "ask", socket.Config{})
	check(err)
	_, err = client.Receive(ctx) // the server is ready
	check(err)

	for _, fruit := range fruits {
		question, err := socket.NewMessage(socket.Data, map[string]any{"fruit": fruit})
		check(err)
		check(client.Send(question))
	}
	for range fruits {
		answer, err := client.Receive(ctx)
		check(err)
		var data struct {
			Fruit  string `msgpack:"fruit"`
			Colour string `msgpack:"colour"`
			Text   string `msgpack:"text"`
		}
		check(answer.Decode(&data))
		if answer.Type == socket.Error {
			fmt.Printf("%s: error: %s\n", data.Fruit, data.Text)
		} else {
			fmt.Printf("%s: %s\n", data.Fruit, data.Colour)
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
