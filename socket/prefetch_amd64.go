//go:build amd64 && !purego

package socket

// prefetch has the processor fetch the memory at an offset from p, 192 bytes,
// to write to it soon. It may lie behind what p points into: nothing is read.
//
//go:noescape
func prefetch(p *byte, offset int)
