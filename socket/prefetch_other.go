//go:build !amd64 || purego

package socket

func prefetch(*byte, int) {}
