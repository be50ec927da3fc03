// Package socket carries named events between the processes of one machine.
//
// A server owns an event name; clients join it. The server sends to all of
// them or to one, and clients may answer. There is no broker: a Unix socket in
// a directory, named for the event, or a TCP port.
//
//	srv, err := socket.Listen(ctx, socket.Unix, "progress", socket.Config{})
//	msg, err := socket.NewMessage(socket.Data, map[string]any{"percent": 42})
//	err = srv.Send(msg)
//
//	cl, err := socket.Dial(ctx, socket.Unix, "progress", socket.Config{})
//	for msg, err := range cl.Messages(ctx) { ... }
//
// A server is a bounded log of encoded messages. Send appends to it and
// returns; every client is written to from a place of its own in the log, at
// its own pace. A client that falls behind what the log still holds is told
// exactly how many messages it missed, and a client that lost its connection
// comes back by itself and goes on where it was, if the log still holds that.
// So sent = received + missed, always.
//
// The data of a message is any MessagePack value. It stays as it is from
// sender to receiver; NewMessage and Message.Decode convert it from and to Go
// values.
//
// Settings come from files and the environment unless Config.Settings is set;
// docs/settings.md lists every key. The wire format is in docs/protocol.md;
// package capi makes libsocket.so from this package, for all other languages.
package socket

// Version is the version of this package, of libsocket.so, and of the Python
// package.
const Version = "0.1.0"
