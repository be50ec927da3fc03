//go:build !linux

package socket

// watchSocket watches nothing: other systems are polled.
func watchSocket(string, string) *serverWatch { return &serverWatch{} }
