package socket

import (
	"errors"
	"fmt"
)

// Code classifies an error. Its values are the status codes of the C API
// (LIBSOCKET_E_... in libsocket.h), so that every language tells errors apart
// by the same list. Programs written in Go test the Err... values below with
// errors.Is instead.
type Code int32

// The codes, in the order of libsocket.h. A value, once given, is never given
// another meaning.
const (
	CodeOK             Code = 0
	CodeInternal       Code = -1
	CodeInvalid        Code = -2
	CodeSettings       Code = -3
	CodeBadHandle      Code = -4
	CodeClosed         Code = -5
	CodeNotConnected   Code = -6
	CodeUnknownClient  Code = -7
	CodeTimeout        Code = -8
	CodeInterrupted    Code = -9
	CodeTooLarge       Code = -10
	CodeBadMessage     Code = -11
	CodeMaxConnections Code = -12
	CodeInUse          Code = -13
	CodeNoPort         Code = -14
	CodeNotAllowed     Code = -15
	CodeNoServer       Code = -16
	CodeProtocol       Code = -17
	CodeIO             Code = -18
	CodeNoMemory       Code = -19
	CodeForked         Code = -20
	CodeSlow           Code = -21
)

// An errorKind is what the Err... values are: a code and the sentence that
// stands for it when nothing more is known.
type errorKind struct {
	code Code
	text string
}

func (k *errorKind) Error() string { return k.text }

// The kinds of error. Every error this package returns matches exactly one of
// them under errors.Is; context errors are returned as they are.
var (
	// ErrInvalid: an argument is outside what the function documents.
	ErrInvalid error = &errorKind{CodeInvalid, "invalid argument"}
	// ErrSettings: a settings file, environment variable or argument is
	// malformed or out of bounds.
	ErrSettings error = &errorKind{CodeSettings, "invalid setting"}
	// ErrClosed: the server or client was closed. It is the normal end.
	ErrClosed error = &errorKind{CodeClosed, "closed"}
	// ErrNotConnected: the client has no connection at the moment.
	ErrNotConnected error = &errorKind{CodeNotConnected, "not connected to server"}
	// ErrUnknownClient: no client of that id is connected to the server.
	ErrUnknownClient error = &errorKind{CodeUnknownClient, "client not connected"}
	// ErrTimeout: the time given for the operation has passed.
	ErrTimeout error = &errorKind{CodeTimeout, "timed out"}
	// ErrTooLarge: a message is larger than max_message_size.
	ErrTooLarge error = &errorKind{CodeTooLarge, "message too large"}
	// ErrBadMessage: a message or its data cannot be encoded or decoded.
	ErrBadMessage error = &errorKind{CodeBadMessage, "malformed message"}
	// ErrMaxConnections: the server has as many clients as it takes.
	ErrMaxConnections error = &errorKind{CodeMaxConnections, "server has reached max_connections"}
	// ErrInUse: the event or the port is served by someone else.
	ErrInUse error = &errorKind{CodeInUse, "already in use"}
	// ErrNoPort: every port of the configured range is in use.
	ErrNoPort error = &errorKind{CodeNoPort, "no available port"}
	// ErrNotAllowed: the peer, a file or a directory belongs to someone who
	// is not trusted, or the operation is switched off.
	ErrNotAllowed error = &errorKind{CodeNotAllowed, "not allowed"}
	// ErrNoServer: nobody serves the event.
	ErrNoServer error = &errorKind{CodeNoServer, "nobody serves the event"}
	// ErrProtocol: the peer broke the wire protocol.
	ErrProtocol error = &errorKind{CodeProtocol, "protocol error"}
	// ErrSlow: the client does not take what is sent to it.
	ErrSlow error = &errorKind{CodeSlow, "client does not keep up"}
	// ErrIO: the operating system refused; the cause is wrapped.
	ErrIO error = &errorKind{CodeIO, "input/output error"}
)

// failure is an error with its own sentence that matches a kind and, where
// there is one, its cause.
type failure struct {
	kind  error
	text  string
	cause error
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// fail makes an error of the kind with a sentence of its own. As with
// fmt.Errorf, an error formatted with %w becomes the cause.
func fail(kind error, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &failure{kind: kind, text: err.Error(), cause: errors.Unwrap(err)}
}

// CodeOf returns the code of err: CodeOK for nil, CodeInternal for an error
// that is not of this package.
func CodeOf(err error) Code {
	if err == nil {
		return CodeOK
	}
	var kind *errorKind
	if errors.As(err, &kind) {
		return kind.code
	}
	return CodeInternal
}
