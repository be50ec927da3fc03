package socket_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/RandomGenericUsername/libsocket/socket"
)

// private returns settings with a directory of their own, so that the example
// disturbs nobody. Programs leave Config.Settings unset.
func private() (*socket.Settings, func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	settings := socket.DefaultSettings()
	settings.SocketDir = dir
	return settings, func() { os.RemoveAll(dir) }
}

func Example() {
	settings, cleanup := private()
	defer cleanup()
	ctx := context.Background()
	cfg := socket.Config{Settings: settings}

	srv, err := socket.Listen(ctx, socket.Unix, "progress", cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	cl, err := socket.Dial(ctx, socket.Unix, "progress", cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer cl.Close()

	for percent := 0; percent <= 100; percent += 50 {
		msg, err := socket.NewMessage(socket.Data, map[string]int{"percent": percent})
		if err != nil {
			log.Fatal(err)
		}
		if err := srv.Send(msg); err != nil {
			log.Fatal(err)
		}
	}
	for msg, err := range cl.Messages(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		var progress struct {
			Percent int `msgpack:"percent"`
		}
		if err := msg.Decode(&progress); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s: %d %%\n", msg.EventName, msg.Type, progress.Percent)
		if progress.Percent == 100 {
			break
		}
	}
	// Output:
	// progress data: 0 %
	// progress data: 50 %
	// progress data: 100 %
}

// A server that answers whoever asks, and nobody else.
func ExampleServer_SendTo() {
	settings, cleanup := private()
	defer cleanup()
	ctx := context.Background()

	srv, err := socket.Listen(ctx, socket.Unix, "ask", socket.Config{Settings: settings, KeepEvents: true})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // ends when the server is closed
		for e, err := range srv.Events(ctx) {
			if err == nil && e.Kind == socket.EventMessage {
				answer := e.Message()
				answer.Type = socket.Control
				if err := srv.SendTo(e.Client, answer); err != nil {
					log.Print(err)
				}
			}
		}
	}()
	cl, err := socket.Dial(ctx, socket.Unix, "ask", socket.Config{Settings: settings})
	if err != nil {
		log.Fatal(err)
	}
	question, err := socket.NewMessage(socket.Data, "are you there?")
	if err != nil {
		log.Fatal(err)
	}
	if err := cl.Send(question); err != nil {
		log.Fatal(err)
	}
	answer, err := cl.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var text string
	if err := answer.Decode(&text); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Type, text)
	cl.Close()
	srv.Close()
	// Output: control are you there?
}
