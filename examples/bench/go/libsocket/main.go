// Command libsocket is libsocket through its Go package. kind= chooses how a
// receiver takes: "batch" (the default) or "messages", one by one; of a sender,
// the value of slow_client; of both, "tls".
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"

	"github.com/RandomGenericUsername/libsocket/examples/bench/go/worker"
	"github.com/RandomGenericUsername/libsocket/socket"
)

const event = "wallpaper_progress"

func main() {
	o := worker.Parse()
	defer profile(o.Role)()
	switch o.Role {
	case "send":
		send(o)
	case "receive":
		receive(o)
	case "collect":
		collect(o)
	case "give":
		give(o)
	case "echo":
		echo(o)
	case "ask":
		ask(o)
	case "first":
		first(o)
	case "inspect":
		inspect(o)
	default:
		worker.Die("no such role: %s", o.Role)
	}
}

// profile writes a CPU profile to $BENCH_PROFILE.ROLE where that is set.
func profile(role string) (stop func()) {
	name := os.Getenv("BENCH_PROFILE")
	if name == "" {
		return func() {}
	}
	f, err := os.Create(name + "." + role)
	worker.Check(err)
	worker.Check(pprof.StartCPUProfile(f))
	return func() {
		pprof.StopCPUProfile()
		worker.Check(f.Close())
	}
}

// settings lose nothing, but where some receivers are to stall. All else is
// as it comes.
func settings(o *worker.Options) *socket.Settings {
	policy := string(socket.SlowBlock)
	if o.Window > 0 {
		policy = string(socket.SlowDropOldest)
	}
	if o.Role == "send" && o.Kind != "" && o.Kind != encrypted {
		policy = o.Kind
	}
	text := fmt.Sprintf("socket_dir = '%s'\nslow_client = '%s'\nsend_timeout = 60\nmax_connections = %d\n",
		o.Address, policy, max(10, o.Clients))
	if o.Log > 0 {
		text += fmt.Sprintf("log_messages = %d\n", o.Log)
	}
	text += fmt.Sprintf("[tcp]\nport = %d\n", o.Port)
	if o.Kind == encrypted {
		text += tlsSettings(o)
	}
	s, err := socket.LoadSettings(socket.Transport(o.Transport), text)
	worker.Check(err)
	return s
}

func listen(o *worker.Options, keepEvents bool) *socket.Server {
	s, err := socket.Listen(context.Background(), socket.Transport(o.Transport), event,
		socket.Config{Settings: settings(o), KeepEvents: keepEvents})
	worker.Check(err)
	return s
}

func dial(o *worker.Options, index int) *socket.Client {
	c, err := socket.Dial(context.Background(), socket.Transport(o.Transport), eventOf(o, index),
		socket.Config{Settings: settings(o)})
	worker.Check(err)
	return c
}

// progress is what a progress message carries; its frame has 180 bytes.
const progress = "\x83\xa8progress\xcf\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\xa6status\xaaprocessing\xa4step\xa9Rendering"

// payload makes a value of MessagePack with a number at the offset returned:
// of a progress message, or else of an array of the number and a bin.
func payload(o *worker.Options) (data []byte, number int) {
	if o.Size == 180 {
		return []byte(progress), 11
	}
	data = make([]byte, o.Size)
	data[0], data[1] = 0x92, 0xcf
	if rest := o.Size - 10; rest < 256 {
		data[10], data[11] = 0xc4, byte(rest-2)
	} else if rest < 65536 {
		data[10] = 0xc5
		binary.BigEndian.PutUint16(data[11:], uint16(rest-3))
	} else {
		data[10] = 0xc6
		binary.BigEndian.PutUint32(data[11:], uint32(rest-5))
	}
	return data, 2
}

func send(o *worker.Options) {
	switch {
	case o.Events > 1:
		sendEvents(o)
		return
	case o.Senders > 1:
		sendAtOnce(o)
		return
	}
	s := listen(o, o.Window > 0)
	defer s.Close()
	fmt.Println("ready")
	worker.Check(s.WaitClients(context.Background(), o.Clients))
	var allow func(uint64)
	if o.Window > 0 {
		allow = acknowledged(s, o)
	}
	data, at := payload(o)
	worker.Send(o, func(number uint64) {
		if allow != nil {
			allow(number)
		}
		binary.BigEndian.PutUint64(data[at:], number)
		worker.Check(s.Send(socket.Message{Data: data}))
	})
}

// sendEvents has a server for each of many events, with a client each, and
// sends to one after the other.
func sendEvents(o *worker.Options) {
	servers := make([]*socket.Server, o.Events)
	for i := range servers {
		s, err := socket.Listen(context.Background(), socket.Transport(o.Transport), eventOf(o, i),
			socket.Config{Settings: settings(o)})
		worker.Check(err)
		defer s.Close()
		servers[i] = s
	}
	fmt.Println("ready")
	for _, s := range servers {
		worker.Check(s.WaitClients(context.Background(), 1))
	}
	data, at := payload(o)
	worker.Send(o, func(number uint64) {
		// Every event gets as many: the last of them go before the end.
		if number == worker.Last {
			for _, s := range servers {
				binary.BigEndian.PutUint64(data[at:], number)
				worker.Check(s.Send(socket.Message{Data: data}))
			}
			return
		}
		binary.BigEndian.PutUint64(data[at:], number/uint64(o.Events))
		worker.Check(servers[number%uint64(o.Events)].Send(socket.Message{Data: data}))
	})
}

func eventOf(o *worker.Options, index int) string {
	if o.Events == 1 {
		return event
	}
	return fmt.Sprintf("%s_%d", event, index)
}

// sendAtOnce has several goroutines send. Their messages are not in one order:
// the receivers count them.
func sendAtOnce(o *worker.Options) {
	s := listen(o, false)
	defer s.Close()
	fmt.Println("ready")
	worker.Check(s.WaitClients(context.Background(), o.Clients))
	fmt.Println("joined")
	worker.AwaitLine()
	cpu, began := worker.CPU(), worker.Now()
	counts := make(chan uint64)
	for range o.Senders {
		go func() {
			data, at := payload(o)
			counts <- worker.SendFlatOut(o, func(number uint64) {
				binary.BigEndian.PutUint64(data[at:], number)
				worker.Check(s.Send(socket.Message{Data: data}))
			})
		}()
	}
	var sent uint64
	for range o.Senders {
		sent += <-counts
	}
	data, at := payload(o)
	binary.BigEndian.PutUint64(data[at:], worker.Last)
	worker.Check(s.Send(socket.Message{Data: data}))
	worker.AwaitLine() // the receivers have ended
	fmt.Printf("result sent=%d began=%d cpu=%d\n", sent, began, worker.CPU()-cpu)
}

// acknowledged returns a function that waits until a message may be sent: no
// receiver, but for those that stall, is two windows behind.
func acknowledged(s *socket.Server, o *worker.Options) func(number uint64) {
	var mu sync.Mutex
	change := sync.NewCond(&mu)
	acknowledgements := make(map[uint64]int)
	go func() { // ends when the server is closed
		for e, err := range s.Events(context.Background()) {
			if err != nil || e.Kind != socket.EventMessage {
				continue
			}
			var window uint64
			worker.Check(socket.Unmarshal(e.Data, &window))
			mu.Lock()
			acknowledgements[window]++
			mu.Unlock()
			change.Broadcast()
		}
	}()
	return func(number uint64) {
		window := number / o.Window
		if number == worker.Last || number%o.Window != 0 || window < 2 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for acknowledgements[window-1] < o.Clients-o.Stalled {
			change.Wait()
		}
		delete(acknowledgements, window-1)
	}
}

func receive(o *worker.Options) {
	clients := make([]*socket.Client, o.Clients)
	for i := range clients {
		clients[i] = dial(o, i)
		defer clients[i].Close()
	}
	_, at := payload(o)
	take := batches
	if o.Kind == "messages" {
		take = messages
	}
	awake := clients[o.Stalled:]
	worker.Receive(len(awake), func(index int, t *worker.Tally) { take(o, awake[index], at, t) })
}

func batches(o *worker.Options, c *socket.Client, at int, t *worker.Tally) {
	var b socket.Batch
	defer b.Release()
	take := (*worker.Tally).Take
	if o.Senders > 1 {
		left := 1 // the last comes when all have sent
		take = func(t *worker.Tally, data []byte) bool { return t.TakeAny(data, &left) }
	}
	for {
		worker.Check(c.ReceiveBatch(context.Background(), &b, 0))
		for i := range b.Events {
			e := &b.Events[i]
			if e.Kind == socket.EventLagged {
				if o.Kind != "skips" {
					worker.Die("%d messages were missed", e.Count)
				}
				t.Received += e.Count // each is accounted for
			}
			if e.Kind != socket.EventMessage {
				continue
			}
			if take(t, e.Data[at:]) {
				return
			}
			if o.Window > 0 && t.Received%o.Window == 0 {
				acknowledge(c, t.Received/o.Window)
			}
		}
	}
}

func acknowledge(c *socket.Client, window uint64) {
	m, err := socket.NewMessage(socket.Control, window)
	worker.Check(err)
	worker.Check(c.Send(m))
}

func messages(_ *worker.Options, c *socket.Client, at int, t *worker.Tally) {
	for m, err := range c.Messages(context.Background()) {
		worker.Check(err)
		if t.Take(m.Data[at:]) {
			return
		}
	}
}

func collect(o *worker.Options) {
	s := listen(o, true)
	defer s.Close()
	_, at := payload(o)
	worker.Collect(func(t *worker.Tally) {
		senders := o.Clients
		var b socket.Batch
		defer b.Release()
		for {
			worker.Check(s.ReceiveBatch(context.Background(), &b, 0))
			for i := range b.Events {
				if e := &b.Events[i]; e.Kind == socket.EventMessage && t.TakeAny(e.Data[at:], &senders) {
					return
				}
			}
		}
	})
}

func give(o *worker.Options) {
	clients, data := make([]*socket.Client, o.Clients), make([][]byte, o.Clients)
	_, at := payload(o)
	for i := range clients {
		clients[i] = dial(o, 0)
		defer clients[i].Close()
		data[i], _ = payload(o)
	}
	worker.Give(o, func(client int, number uint64) {
		binary.BigEndian.PutUint64(data[client][at:], number)
		worker.Check(clients[client].Send(socket.Message{Data: data[client]}))
	})
}

func echo(o *worker.Options) {
	s := listen(o, true)
	defer s.Close()
	fmt.Println("ready")
	go func() { // ends with the program
		worker.AwaitLine()
	}()
	for e, err := range s.Events(context.Background()) {
		worker.Check(err)
		if e.Kind == socket.EventMessage {
			worker.Check(s.SendTo(e.Client, socket.Message{Data: e.Data}))
		}
	}
}

func ask(o *worker.Options) {
	c := dial(o, 0)
	defer c.Close()
	data, at := payload(o)
	var b socket.Batch
	worker.Ask(o, func(number uint64) {
		binary.BigEndian.PutUint64(data[at:], number)
		worker.Check(c.Send(socket.Message{Data: data}))
		for answered := false; !answered; {
			worker.Check(c.ReceiveBatch(context.Background(), &b, 0))
			for i := range b.Events {
				if e := &b.Events[i]; e.Kind == socket.EventMessage {
					answered = binary.BigEndian.Uint64(e.Data[at:]) == number
				}
			}
		}
	})
}

// inspect asks a server that has so many clients how it is, over and over.
func inspect(o *worker.Options) {
	cfg := socket.Config{Settings: settings(o)}
	fmt.Println("ready")
	worker.AwaitLine()
	for range o.Limit {
		info, err := socket.Inspect(context.Background(), socket.Transport(o.Transport), event, cfg)
		worker.Check(err)
		if len(info.Clients) != o.Clients {
			worker.Die("%d clients, not %d", len(info.Clients), o.Clients)
		}
	}
	fmt.Printf("result count=%d\n", o.Limit)
}

func first(o *worker.Options) {
	s := listen(o, false)
	defer s.Close()
	c := dial(o, 0)
	defer c.Close()
	data, _ := payload(o)
	worker.Check(s.Send(socket.Message{Data: data}))
	_, err := c.Receive(context.Background())
	worker.Check(err)
	fmt.Println("first")
}
