// Command nats is nats.go with a nats-server between sender and receivers. The
// server is at port=; the role "broker" runs until it is killed or its input
// ends.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/RandomGenericUsername/libsocket/examples/bench/go/worker"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const subject = "wallpaper_progress"

func main() {
	switch o := worker.Parse(); o.Role {
	case "broker":
		broker(o)
	case "send":
		send(o)
	case "receive":
		receive(o)
	case "echo":
		echo(o)
	case "ask":
		ask(o)
	default:
		worker.Die("no such role: %s", o.Role)
	}
}

// broker is the server as its command starts it, on loopback, with bounds so
// wide that it drops nobody in a run.
func broker(o *worker.Options) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: o.Port, NoLog: true, NoSigs: true,
		MaxPending: 4 << 30, MaxPayload: 8 << 20, WriteDeadline: time.Minute,
	})
	worker.Check(err)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		worker.Die("nats-server does not start")
	}
	fmt.Println("ready")
	worker.AwaitLine()
}

func connect(o *worker.Options) *nats.Conn {
	c, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	worker.Check(err)
	return c
}

func subscribe(c *nats.Conn, name string) *nats.Subscription {
	s, err := c.SubscribeSync(name)
	worker.Check(err)
	worker.Check(s.SetPendingLimits(-1, -1)) // nothing is dropped
	worker.Check(c.Flush())                  // the server knows it
	return s
}

func send(o *worker.Options) {
	c := connect(o)
	fmt.Println("ready")
	data := make([]byte, o.Size)
	worker.Send(o, func(number uint64) {
		binary.BigEndian.PutUint64(data, number)
		worker.Check(c.Publish(subject, data))
		if number == worker.Last {
			worker.Check(c.Flush())
		}
	})
}

func receive(o *worker.Options) {
	subscriptions := make([]*nats.Subscription, o.Clients)
	for i := range subscriptions {
		subscriptions[i] = subscribe(connect(o), subject)
	}
	worker.Receive(o.Clients, func(index int, t *worker.Tally) {
		for done := false; !done; {
			m, err := subscriptions[index].NextMsgWithContext(context.Background())
			worker.Check(err)
			done = t.Take(m.Data)
		}
	})
}

func echo(o *worker.Options) {
	c := connect(o)
	questions := subscribe(c, "question")
	fmt.Println("ready")
	for {
		m, err := questions.NextMsgWithContext(context.Background())
		worker.Check(err)
		worker.Check(c.Publish("answer", m.Data))
	}
}

func ask(o *worker.Options) {
	c := connect(o)
	answers := subscribe(c, "answer")
	data := make([]byte, o.Size)
	worker.Ask(o, func(number uint64) {
		binary.BigEndian.PutUint64(data, number)
		worker.Check(c.Publish("question", data))
		m, err := answers.NextMsgWithContext(context.Background())
		worker.Check(err)
		if binary.BigEndian.Uint64(m.Data) != number {
			worker.Die("the wrong answer came")
		}
	})
}
