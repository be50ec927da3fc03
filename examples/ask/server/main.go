// The server of the ask scenario knows the colours of fruits. Every question
// is answered to the client that asked, and to nobody else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/RandomGenericUsername/libsocket/socket"
)

var colours = map[string]string{"apple": "red", "lemon": "yellow", "plum": "blue"}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: server unix|tcp CLIENTS")
		os.Exit(64)
	}
	transport := socket.Transport(os.Args[1])
	clients, err := strconv.Atoi(os.Args[2])
	check(err)

	ctx := context.Background()
	server, err := socket.Listen(ctx, transport, "ask", socket.Config{KeepEvents: true})
	check(err)
	fmt.Printf("serving ask over %s, clients expected: %d\n", transport, clients)
	check(server.WaitClients(ctx, clients))
	check(server.Send(socket.Message{Type: socket.Control})) // ready

	questions, left := 0, 0
	for event, err := range server.Events(ctx) {
		check(err)
		switch event.Kind {
		case socket.EventMessage:
			questions++
			err := server.SendTo(event.Client, answer(event.Message()))
			if !errors.Is(err, socket.ErrUnknownClient) { // it has gone meanwhile
				check(err)
			}
		case socket.EventDisconnected:
			left++
		}
		if left == clients {
			break
		}
	}
	check(server.Close())
	fmt.Printf("answered: %d\n", questions)
}

func answer(question socket.Message) socket.Message {
	var data struct {
		Fruit string `msgpack:"fruit"`
	}
	if err := question.Decode(&data); err != nil {
		return message(socket.Error, map[string]any{"text": err.Error()})
	}
	colour, ok := colours[data.Fruit]
	if !ok {
		return message(socket.Error, map[string]any{"fruit": data.Fruit, "text": "nobody knows"})
	}
	return message(socket.Data, map[string]any{"fruit": data.Fruit, "colour": colour})
}

func message(t socket.MessageType, data any) socket.Message {
	m, err := socket.NewMessage(t, data)
	check(err)
	return m
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(69)
	}
}
