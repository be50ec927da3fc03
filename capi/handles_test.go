package main

import (
	"math"
	"sync"
	"testing"
)

func TestTableGivesEachHandleAnIDOfItsOwn(t *testing.T) {
	var tab table
	seen := map[uint64]bool{0: true} // 0 is never an id
	for range 3 {
		var open []*handle
		for range 100 {
			h := &handle{}
			tab.add(h)
			if seen[h.id] {
				t.Fatalf("id %#x was given before", h.id)
			}
			seen[h.id] = true
			open = append(open, h)
		}
		for _, h := range open {
			if tab.get(h.id) != h {
				t.Fatalf("id %#x does not find its handle", h.id)
			}
			tab.remove(h)
		}
	}
	if n := len(*tab.slots.Load()); n != 100 {
		t.Errorf("%d slots for 100 handles at once", n)
	}
	for id := range seen {
		if tab.get(id) != nil {
			t.Errorf("id %#x still finds a handle", id)
		}
	}
}

func TestTableNeverReusesAWornOutSlot(t *testing.T) {
	var tab table
	first := &handle{}
	tab.add(first)
	tab.remove(first)
	(*tab.slots.Load())[0].generation = math.MaxUint32 - 1
	last := &handle{}
	tab.add(last)
	if last.id != math.MaxUint32<<32 {
		t.Fatalf("id %#x", last.id)
	}
	tab.remove(last)
	next := &handle{}
	tab.add(next)
	if uint32(next.id) != 1 {
		t.Errorf("id %#x is of the slot whose generations are used up", next.id)
	}
}

// Readers take no lock: the race detector sees whether they need one.
func TestTableIsReadWhileItChanges(t *testing.T) {
	var tab table
	kept := &handle{}
	tab.add(kept)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for id := uint64(0); ; id++ {
				select {
				case <-stop:
					return
				default:
				}
				if tab.get(kept.id) != kept {
					t.Error("an open handle is not found")
					return
				}
				if h := tab.get(1<<32 | id%300); h != nil && h.id != 1<<32|id%300 {
					t.Error("found a handle of another id")
					return
				}
			}
		})
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 20 {
				var open []*handle
				for range 100 {
					h := &handle{}
					tab.add(h)
					open = append(open, h)
				}
				for _, h := range open {
					tab.remove(h)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}
