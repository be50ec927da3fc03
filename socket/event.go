package socket

import (
	"log/slog"
	"strconv"
	"strings"
)

// EventKind says what an Event tells. The values are those of libsocket.h.
type EventKind uint32

// The kinds of event. A server gives Connected, Disconnected, FirstClient,
// LastClient and Message about its clients; a client gives Connected,
// Disconnected, Message, Lagged, Synced and Refused about its connection.
const (
	_ EventKind = iota
	// EventConnected: a client joined the server; or this client has a
	// connection, the first time and after every reconnect.
	EventConnected
	// EventDisconnected: a client left the server; or this client lost its
	// connection. Reason says why.
	EventDisconnected
	// EventMessage: a message arrived.
	EventMessage
	// EventLagged: Count messages from Seq on were dropped by the server
	// because this client was too slow, or were gone when it came back; or one
	// was larger than its max_message_size.
	EventLagged
	// EventSynced: what the server kept for newcomers has been given, live
	// messages follow.
	EventSynced
	// EventRefused: the server refused a message of this client, or one that
	// was kept for it is too large for this server; Text says why.
	EventRefused
	// EventFirstClient: the server has a client after it had none. It
	// follows that client's EventConnected.
	EventFirstClient
	// EventLastClient: the server's last client has left. It follows that
	// client's EventDisconnected.
	EventLastClient
	// EventLog: a line of the log, see Settings.LogLevel.
	EventLog
	// EventClosed: the server or client was closed. Always the last event.
	EventClosed
)

// Reason says why a connection ended or a message was refused. The values are
// those of libsocket.h, the texts those of the wire.
type Reason uint32

// The reasons.
const (
	ReasonNone           Reason = iota
	ReasonClosed                // closed by this program
	ReasonStopped               // the server was stopped
	ReasonRestarting            // the server was stopped and will be back
	ReasonEOF                   // the peer went away without a word
	ReasonMaxConnections        // the server has max_connections clients
	ReasonNotAllowed            // the peer is not allowed in, or not trusted
	ReasonSlow                  // the client did not keep up (slow_client = "disconnect")
	ReasonProtocol              // the peer broke the protocol
	ReasonHeartbeat             // the peer was silent for too long
	ReasonIO                    // the operating system reported an error
	ReasonTooLarge              // a frame larger than max_message_size
)

var reasonTexts = [...]string{
	"none", "closed", "stopped", "restarting", "eof", "max_connections",
	"not_allowed", "slow", "protocol", "heartbeat", "io", "too_large",
}

// String returns the reason as it is written on the wire.
func (r Reason) String() string {
	if int(r) < len(reasonTexts) {
		return reasonTexts[r]
	}
	return "reason_" + strconv.Itoa(int(r))
}

// parseReason is the inverse of String; a reason this version does not know
// is ReasonNone.
func parseReason(text []byte) Reason {
	for r, t := range reasonTexts {
		if string(text) == t {
			return Reason(r)
		}
	}
	return ReasonNone
}

// ClientID identifies a client of one server. It is never given twice.
type ClientID uint64

// String returns the id as the original module wrote it: "client_" and the
// number, which starts as the Unix time of the connect in milliseconds.
func (id ClientID) String() string {
	return "client_" + strconv.FormatUint(uint64(id), 10)
}

// ParseClientID is the inverse of ClientID.String.
func ParseClientID(text string) (ClientID, error) {
	digits, ok := strings.CutPrefix(text, "client_")
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil {
		return 0, fail(ErrUnknownClient, "Client not connected: %s", text)
	}
	return ClientID(n), nil
}

// ClientInfo describes a client as its server sees it.
type ClientInfo struct {
	ID          ClientID
	ConnectedAt int64  // Unix time in milliseconds
	Address     string // the client's address: host:port, or the socket's path for Unix
	Name        string // what the client calls itself; "" for an old client
	PID         int    // 0 where the transport does not tell
	UID, GID    int    // -1 where the transport does not tell

	// Of the broadcasts since it joined: how many were handed to its
	// connection, how many it missed, and how many wait for it in the log.
	Delivered, Missed, Backlog uint64
}

// Peer is who the system says is at the other end of a connection.
type Peer struct {
	PID      int // 0 where the transport does not tell
	UID, GID int // -1 where the transport does not tell
}

// Event is one thing that happened on a server or client, the same in every
// language. EventName, TimestampISO and Data belong to the library: they are
// valid until the next event is asked for, or until the callback returns.
// Message returns a copy to keep.
type Event struct {
	Kind        EventKind
	Type        MessageType // Message
	Reason      Reason      // Disconnected, Refused
	Unicast     bool        // Message: sent to this client alone
	Retained    bool        // Message: kept from before this client joined
	TimestampMs int64       // Message: Unix ms; Connected at a server: since when
	Seq         uint64      // broadcast Message: its number in the server's log; Lagged: the first missed; Synced, Connected: the next
	Count       uint64      // Lagged: how many were missed; Connected, Disconnected at a server: clients now
	Client      ClientID    // at a server: whom it is about
	Level       slog.Level  // Log
	Text        string      // Disconnected, Refused, Log: a sentence; Connected: the peer's name
	Address     string      // Connected: the peer's address
	Peer        *Peer       // Connected: who the peer is; nil of other kinds

	EventName    []byte // Message
	TimestampISO []byte // Message
	Data         []byte // Message: MessagePack

	buf    *buffer // what the slices above borrow from
	weight int     // bytes that count in an inbox: see buffer.weight
	held   *conn   // Connected: released when the event has been handled
}

// Message returns a copy of the message that the event carries.
func (e *Event) Message() Message {
	return Message{
		EventName:    string(e.EventName),
		TimestampMs:  e.TimestampMs,
		TimestampISO: string(e.TimestampISO),
		Type:         e.Type,
		Data:         append([]byte(nil), e.Data...),
	}
}

// borrow has the event hold the buffer that its slices are in.
func (e *Event) borrow(b *buffer) {
	e.buf, e.weight = b, b.weight()
	b.retain(1)
}

// release lets go of what the event borrows or holds up.
func (e *Event) release() {
	if e.buf != nil {
		e.buf.release(1)
	}
	if e.held != nil {
		e.held.cursor.release()
	}
	e.buf, e.held = nil, nil
}

// releaseEvents releases many, with one step for those that share a buffer.
func releaseEvents(events []Event) {
	for i := 0; i < len(events); {
		e := &events[i]
		if e.buf == nil || e.held != nil {
			e.release()
			i++
			continue
		}
		buf, from := e.buf, i
		for i < len(events) && events[i].buf == buf && events[i].held == nil {
			events[i].buf = nil
			i++
		}
		buf.release(i - from)
	}
}
