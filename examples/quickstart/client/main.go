// Prints how far the job is; may be started first.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/RandomGenericUsername/libsocket/socket"
)

func main() {
	settings, err := socket.LoadSettings(socket.Unix, "wait_for_server = true")
	check(err)
	ctx := context.Background()
	client, err := socket.Dial(ctx, socket.Unix, "quickstart", socket.Config{Settings: settings})
	check(err)
	for message, err := range client.Messages(ctx) {
		check(err)
		var data struct {
			Percent int `msgpack:"percent"`
		}
		check(message.Decode(&data))
		fmt.Println(data.Percent, "%")
		if data.Percent == 100 {
			break
		}
	}
	check(client.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
