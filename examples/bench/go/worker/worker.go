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
	o := &Options{Transport: "unix", Address: ".", Size: 180, Clients: 1, Seconds: 0.1, Limit: 1 << 20}
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

// Send sends numbered messages until time or count are used up, then the last.
func Send(o *Options, send func(number uint64)) {
	fmt.Println("joined")
	AwaitLine()
	cpu, began := CPU(), Now()
	deadline := time.Now().Add(time.Duration(o.Seconds * float64(time.Second)))
	step := uint64(1)
	if o.Size < 4096 {
		step = 64 // the clock costs as much as a message
	}
	var sent uint64
	for sent < o.Limit && (sent%step != 0 || time.Now().Before(deadline)) {
		send(sent)
		sent++
	}
	send(Last)
	AwaitLine() // the receivers have ended
	fmt.Printf("result sent=%d began=%d cpu=%d\n", sent, began, CPU()-cpu)
}

// A Tally is one receiver's count.
type Tally struct {
	Received uint64
	Finished int64
}

// Take counts the message that has its number at the start of data; true
// after the last. A number out of order is fatal.
func (t *Tally) Take(data []byte) bool {
	number := binary.BigEndian.Uint64(data)
	if number == Last {
		t.Finished = Now()
		return true
	}
	if number != t.Received {
		Die("message %d came where %d was due", number, t.Received)
	}
	t.Received++
	return false
}

// Receive runs a receiver in a goroutine each, and says their common result.
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
	fewest, most, finished := uint64(math.MaxUint64), uint64(0), int64(0)
	for _, t := range tallies {
		fewest, most, finished = min(fewest, t.Received), max(most, t.Received), max(finished, t.Finished)
	}
	fmt.Printf("result fewest=%d most=%d finished=%d cpu=%d\n", fewest, most, finished, CPU()-cpu)
}

// Ask sends and awaits the answer, over and over, and says the percentiles.
func Ask(o *Options, ask func(number uint64)) {
	const most, warmUp = 1 << 18, 200
	fmt.Println("ready")
	AwaitLine()
	for i := range uint64(warmUp) {
		ask(i)
	}
	took := make([]uint32, 0, most)
	before := time.Now()
	deadline := before.Add(time.Duration(o.Seconds * float64(time.Second)))
	for len(took) < most && before.Before(deadline) {
		ask(uint64(warmUp + len(took)))
		after := time.Now()
		took = append(took, uint32(after.Sub(before)))
		before = after
	}
	slices.Sort(took)
	n := len(took)
	fmt.Printf("result count=%d p50=%d p99=%d p999=%d\n", n, took[n/2], took[n*99/100], took[n*999/1000])
}
