//go:build amd64 && !purego

package socket

// sameBits reports whether the words compare equal with what starts at b, which
// is as large as their shape.
//
//go:noescape
func sameBits(b *byte, words []shapeWord) bool
