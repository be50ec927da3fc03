//go:build !amd64 || purego

package socket

func sameBits(b *byte, words []shapeWord) bool { return sameBitsAnywhere(b, words) }
