// Command second is another Go library, which load_test.c loads beside
// libsocket.so: two runtimes have to live in one process.
package main

import "C"

import (
	"runtime"
	"sync"
)

// secondWork keeps goroutines, the heap and its collector busy.
//
//export secondWork
func secondWork(rounds C.int) C.long {
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		sum int
	)
	for range int(rounds) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			part := make([]byte, 1<<16)
			for i := range part {
				part[i] = 1
			}
			n := 0
			for _, b := range part {
				n += int(b)
			}
			mu.Lock()
			sum += n
			mu.Unlock()
		}()
	}
	wg.Wait()
	runtime.GC()
	return C.long(sum)
}

func main() {}
