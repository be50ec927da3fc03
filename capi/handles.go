package main

import (
	"math"
	"sync"
	"sync/atomic"
)

// A table maps the ids that the host holds to handles. An id is a slot and
// the generation of its use, so it is never given twice: a stale, doubled or
// invented one finds nothing. Looking up takes no lock.
type table struct {
	slots atomic.Pointer[[]*slot] // replaced, never changed, when it grows

	mu   sync.Mutex
	free []uint32 // indexes of slots without a handle
}

type slot struct {
	handle     atomic.Pointer[handle]
	generation uint32 // of the last id given; guarded by the table's lock
}

// handles are all open servers and clients of the process.
var handles table

// add gives the handle its id.
func (t *table) add(h *handle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var slots []*slot
	if p := t.slots.Load(); p != nil {
		slots = *p
	}
	if len(t.free) == 0 {
		t.free = append(t.free, uint32(len(slots)))
		slots = append(slots[:len(slots):len(slots)], new(slot))
		t.slots.Store(&slots)
	}
	index := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	s := slots[index]
	s.generation++
	h.id = uint64(s.generation)<<32 | uint64(index)
	s.handle.Store(h)
}

// get returns the handle of the id, nil when there is none.
func (t *table) get(id uint64) *handle {
	slots := t.slots.Load()
	index := uint32(id)
	if slots == nil || uint64(index) >= uint64(len(*slots)) {
		return nil
	}
	h := (*slots)[index].handle.Load()
	if h == nil || h.id != id {
		return nil
	}
	return h
}

// remove ends the life of the handle's id. A slot whose generations are used
// up is not used again.
func (t *table) remove(h *handle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	index := uint32(h.id)
	s := (*t.slots.Load())[index]
	s.handle.Store(nil)
	if s.generation < math.MaxUint32 {
		t.free = append(t.free, index)
	}
}
