// Package worker is what the Go programs of the benchmark share; it is
// bench.h in Go, and says the same words.
package worker

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Options are the arguments of a program: KEY=VALUE.
type Options struct {
	Role      string
	Transport string // unix or tcp
	Address   string // a directory of ours
	Kind      string // a way of doing it, where a program has several
	Port      int
	Size      int // bytes of a message
	Clients   int
	Seconds   float64 // how long to send
	Limit     uint64  // messages at most
	Pace      float64 // messages a second; 0: as fast as it goes
	Senders   int     // that send at once, in the server's program
	Events    int     // servers in one program, with a client each
	Log       int     // messages that a server's log holds; 0: as many as it does
	Stalled   int     // receivers that do not receive
	Window    uint64  // messages between two acknowledgements; 0: none are asked
}

// Last is what the last message of a run carries instead of its number.
const Last = math.MaxUint64

// lifetime: no program lives longer, whatever becomes of the one that started it.
const lifetime = 120 * time.Second

var input = bufio.NewReader(os.Stdin)

// Parse reads the command line, and bounds the life of the program.
func Parse() *Options {
	time.AfterFunc(lifetime, func() { Die("%v are over", lifetime) })
	o := &Options{Transport: "unix", Address: ".", Size: 180, Clients: 1, Senders: 1, Events: 1, Seconds: 0.1, Limit: 1 << 20}
	if len(os.Args) < 2 {
		Die("usage: %s ROLE KEY=VALUE...", os.Args[0])
	}
	o.Role = os.Args[1]
	for _, argument := range os.Args[2:] {
		key, value, _ := strings.Cut(argument, "=")
		whole, _ := strconv.ParseUint(value, 10, 64)
		switch key {
		case "transport":
			o.Transport = value
		case "address":
			o.Address = value
		case "kind":
			o.Kind = value
		case "port":
			o.Port = int(whole)
		case "size":
			o.Size = int(whole)
		case "clients":
			o.Clients = int(whole)
		case "seconds":
			o.Seconds, _ = strconv.ParseFloat(value, 64)
		case "limit":
			o.Limit = whole
		case "pace":
			o.Pace, _ = strconv.ParseFloat(value, 64)
			paced = o.Pace > 0
		case "senders":
			o.Senders = int(whole)
		case "events":
			o.Events = int(whole)
		case "log":
			o.Log = int(whole)
		case "stalled":
			o.Stalled = int(whole)
		case "window":
			o.Window = whole
		default:
			Die("unknown: %s", argument)
		}
	}
	return o
}

// Die ends the program with a sentence.
func Die(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// Check dies of an error.
func Check(err error) {
	if err != nil {
		Die("%v", err)
	}
}

// AwaitLine waits for a line; the end of the input ends the program.
func AwaitLine() {
	if _, err := input.ReadString('\n'); err != nil {
		os.Exit(0)
	}
}

// Now is the time of the clock that all processes share, in ns.
func Now() int64 {
	const monotonic = 1
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// CPU is what this process has used, in ns.
func CPU() int64 {
	var u syscall.Rusage
	Check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}

// paced: receivers note how long each message took.
var paced bool

// Send sends numbered messages until time or count are used up, then the last.
// At a pace, the number of a message is the time when it was sent.
func Send(o *Options, send func(number uint64)) {
	fmt.Println("joined")
	AwaitLine()
	cpu, began := CPU(), Now()
	var sent uint64
	if o.Pace > 0 {
		sent = sendPaced(o, send)
	} else {
		sent = SendFlatOut(o, send)
	}
	send(Last)
	AwaitLine() // the receivers have ended
	fmt.Printf("result sent=%d began=%d cpu=%d\n", sent, began, CPU()-cpu)
}

// SendFlatOut sends numbered messages until time or count are used up.
func SendFlatOut(o *Options, send func(number uint64)) (sent uint64) {
	deadline := time.Now().Add(time.Duration(o.Seconds * float64(time.Second)))
	step := uint64(1)
	if o.Size < 4096 {
		step = 64 // the clock costs as much as a message
	}
	for sent < o.Limit && (sent%step != 0 || time.Now().Before(deadline)) {
		send(sent)
		sent++
	}
	return sent
}

func sendPaced(o *Options, send func(number uint64)) (sent uint64) {
	began := time.Now()
	for ; sent < uint64(o.Seconds*o.Pace); sent++ {
		time.Sleep(time.Until(began.Add(due(o, sent))))
		send(uint64(Now()))
	}
	return sent
}

// due is when a message or question has its turn, from the beginning.
func due(o *Options, number uint64) time.Duration {
	return time.Duration(float64(number) / o.Pace * float64(time.Second))
}

// A Tally is one receiver's count.
type Tally struct {
	Received uint64
	Finished int64
	delays   []int64 // of each message, at a pace
}

// Take counts the message that has its number at the start of data; true
// after the last. A number out of order is fatal.
func (t *Tally) Take(data []byte) bool {
	number := binary.BigEndian.Uint64(data)
	if number == Last {
		t.Finished = Now()
		return true
	}
	if paced {
		t.delays = append(t.delays, Now()-int64(number))
		t.Received++
		return false
	}
	if number != t.Received {
		Die("message %d came where %d was due", number, t.Received)
	}
	t.Received++
	return false
}

// TakeAny counts a message from any of so many senders; true after the last of
// each.
func (t *Tally) TakeAny(data []byte, senders *int) bool {
	if binary.BigEndian.Uint64(data) != Last {
		t.Received++
		return false
	}
	t.Finished = Now()
	*senders--
	return *senders == 0
}

// Receive runs a receiver in a goroutine each, and says their common result:
// how many came; at a pace, how long each took to the last receiver.
func Receive(count int, receive func(index int, t *Tally)) {
	cpu := CPU()
	tallies := make([]Tally, count)
	done := make(chan struct{})
	for i := range count {
		go func() {
			receive(i, &tallies[i])
			done <- struct{}{}
		}()
	}
	fmt.Println("ready")
	for range count {
		<-done
	}
	if paced {
		sayDelays(tallies)
		return
	}
	fewest, most, finished := uint64(math.MaxUint64), uint64(0), int64(0)
	for _, t := range tallies {
		fewest, most, finished = min(fewest, t.Received), max(most, t.Received), max(finished, t.Finished)
	}
	fmt.Printf("result fewest=%d most=%d finished=%d cpu=%d\n", fewest, most, finished, CPU()-cpu)
}

// sayDelays: a message has arrived when the last receiver has it.
func sayDelays(tallies []Tally) {
	latest := tallies[0].delays
	for _, t := range tallies[1:] {
		if len(t.delays) != len(latest) {
			Die("receivers were sent different numbers of messages")
		}
		for i, d := range t.delays {
			latest[i] = max(latest[i], d)
		}
	}
	sayPercentiles(latest)
}

func sayPercentiles(took []int64) {
	slices.Sort(took)
	n := len(took)
	if n == 0 {
		Die("nothing came")
	}
	fmt.Printf("result count=%d p50=%d p99=%d p999=%d\n", n, took[n/2], took[n*99/100], took[n*999/1000])
}

// Give is the other way round: each client sends in a goroutine of its own.
func Give(o *Options, send func(client int, number uint64)) {
	fmt.Println("ready")
	AwaitLine()
	cpu, began := CPU(), Now()
	counts := make(chan uint64)
	for i := range o.Clients {
		go func() {
			sent := SendFlatOut(o, func(number uint64) { send(i, number) })
			send(i, Last)
			counts <- sent
		}()
	}
	var sent uint64
	for range o.Clients {
		sent += <-counts
	}
	AwaitLine() // the server has it all
	fmt.Printf("result sent=%d began=%d cpu=%d\n", sent, began, CPU()-cpu)
}

// Collect says how much a server was given.
func Collect(collect func(t *Tally)) {
	cpu := CPU()
	var t Tally
	fmt.Println("ready")
	collect(&t)
	fmt.Printf("result received=%d finished=%d cpu=%d\n", t.Received, t.Finished, CPU()-cpu)
}

// Ask sends and awaits the answer, over and over, and says the percentiles. At
// a pace, a question that is late counts from when it was due.
func Ask(o *Options, ask func(number uint64)) {
	const most, warmUp = 1 << 18, 200
	fmt.Println("ready")
	AwaitLine()
	for i := range uint64(warmUp) {
		ask(i)
	}
	took := make([]int64, 0, most)
	began := time.Now()
	before := began
	deadline := began.Add(time.Duration(o.Seconds * float64(time.Second)))
	for len(took) < most && before.Before(deadline) {
		if o.Pace > 0 {
			before = began.Add(due(o, uint64(len(took))))
			for time.Now().Before(before) { // awake: a sleep that ends late would count too
			}
		}
		ask(uint64(warmUp + len(took)))
		after := time.Now()
		took = append(took, int64(after.Sub(before)))
		before = after
	}
	sayPercentiles(took)
}
