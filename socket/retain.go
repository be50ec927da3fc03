package socket

import "container/list"

// retained keeps the newest frame of each key, oldest first and marked as
// retained, for those who join later. Beyond its bounds the key that was set
// longest ago goes. A key may be any text, and counts with its frame.
type retained struct {
	maxKeys, maxBytes int
	bytes             int
	byKey             map[string]*list.Element
	order             list.List // of retainedFrame, by seq
}

type retainedFrame struct {
	key   string
	seq   uint64
	frame []byte
}

func (f *retainedFrame) size() int { return len(f.key) + len(f.frame) }

func (r *retained) put(key string, seq uint64, frame []byte) {
	if e := r.byKey[key]; e != nil {
		r.remove(e)
	}
	f := retainedFrame{key, seq, addExtra(frame, extraRetained)}
	if r.maxKeys == 0 || f.size() > r.maxBytes {
		return
	}
	for r.order.Len() >= r.maxKeys || r.bytes+f.size() > r.maxBytes {
		r.remove(r.order.Front())
	}
	r.byKey[key] = r.order.PushBack(f)
	r.bytes += f.size()
}

func (r *retained) remove(e *list.Element) {
	f := r.order.Remove(e).(retainedFrame)
	delete(r.byKey, f.key)
	r.bytes -= f.size()
}

// between calls f for the frames with from <= seq < to, oldest first.
func (r *retained) between(from, to uint64, f func(frame []byte)) {
	for e := r.order.Front(); e != nil; e = e.Next() {
		if k := e.Value.(retainedFrame); k.seq >= from && k.seq < to {
			f(k.frame)
		}
	}
}
