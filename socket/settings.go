package socket

import (
	"log/slog"
	"math"
	"os"
	"time"
)

// Settings is everything that can be configured, resolved: LoadSettings merges
// defaults, files, environment and arguments into it. Each field is the key of
// settings.toml with the same name (docs/settings.md); times are seconds there
// and durations here. It is read-only once it is in a Config.
type Settings struct {
	SocketDir        string         // directory of Unix sockets, expanded
	DefaultTimeout   time.Duration  // what connecting and the handshake may take; > 0
	BufferSize       int            // messages that have arrived and wait, before reading stops; > 0
	BufferBytes      int            // the same bound in bytes; >= 65536
	Timezone         string         // IANA name of the zone of timestamp_iso
	Location         *time.Location // Timezone, resolved
	MessageQueueSize int            // messages kept while nobody is connected; > 0
	BlockingMode     bool           // start() of the Python server runs until stop()
	AllowClientSend  bool           // a server takes messages from its clients
	MaxMessageSize   int            // bytes of a frame's body, sent or received; 1024 to 2147483647
	LogMessages      int            // messages a server's log holds; > 0
	LogBytes         int            // bytes a server's log holds; >= 65536
	SlowClient       SlowClient     // what happens to a client that does not keep up
	SendTimeout      time.Duration  // what Send waits for room: a client, and a server under SlowBlock; > 0
	Linger           time.Duration  // what Close takes to write what was sent; >= 0
	FrameTimeout     time.Duration  // a frame once begun must end within; the last write to a client under SlowDisconnect; > 0
	HistorySize      int            // messages a late joiner is given; 0: none
	RetainKeys       int            // keys of retained messages a server keeps; 0: none
	Reconnect        bool           // a client that lost its connection comes back
	WaitForServer    bool           // Dial returns at once and connects when the server is there
	Name             string         // what a client calls itself; "": the program's name
	Types            []MessageType  // a client is given only these; empty: all
	LogLevel         slog.Level     // from which log lines become EventLog; LogOff: none
	SocketActivation bool           // a server takes the socket that a service manager passed for its event
	SdNotify         bool           // a server tells the service manager when it is ready and when it stops
	Spin             time.Duration  // who was given a message looks for the next for so long before it sleeps; 0: not, at most 1 ms
	Unix             UnixSettings
	TCP              TCPSettings

	// Warnings are sentences about keys that are not known, in the order
	// found. They name the key and its place, never its value.
	Warnings []string

	// Files are the settings files that were looked for, in the order read:
	// who keeps resolved settings looks whether one has changed or come.
	Files []string
}

// UnixSettings are the keys of [socket.unix].
type UnixSettings struct {
	MaxConnections    int           // clients of one server; > 0
	SocketPermissions os.FileMode   // of the socket file; at most 0777
	AutoRemoveSocket  bool          // Close removes the socket file
	AllowedUIDs       []int         // users trusted as peers besides our own and root
	AllowedGIDs       []int         // groups whose members are trusted as peers
	ReadonlyUIDs      []int         // users whose clients may listen and not send
	ReconnectMin      time.Duration // first delay of the backoff; > 0, at most ReconnectMax
	ReconnectMax      time.Duration // last delay of the backoff
}

// TCPSettings are the keys of [socket.tcp].
type TCPSettings struct {
	Host           string        // address a server listens on and a client connects to
	Port           int           // -1: a server takes one of the range; 0: any free port
	PortRangeStart int           // 1024 to 65535, at most PortRangeEnd
	PortRangeEnd   int           // 1024 to 65535, itself in the range
	MaxConnections int           // clients of one server; > 0
	ReconnectMin   time.Duration // first delay of the backoff; > 0, at most ReconnectMax
	ReconnectMax   time.Duration // last delay of the backoff
	Heartbeat      time.Duration // a connection quiet for so long is asked; 0: never
	Insecure       bool          // a server may listen beyond loopback without TLS

	// Paths are expanded; "" is none.
	TLS             bool   // connections are encrypted with TLS 1.3
	TLSCertFile     string // certificate this end shows
	TLSKeyFile      string // its private key
	TLSClientCAFile string // a server's clients must be certified by one of these
	TLSCAFile       string // a client's server must be certified by one of these; "": the system's
	TLSServerName   string // what the server's certificate must be for; "": Host
	TokenFile       string // the secret that both ends share
}

// SlowClient says what a server does about a client that does not keep up.
type SlowClient string

// The policies for slow clients.
const (
	SlowDropOldest SlowClient = "drop_oldest" // it misses the oldest messages and is told how many
	SlowLatest     SlowClient = "latest"      // it is given the newest message only
	SlowBlock      SlowClient = "block"       // Send waits for it, at most SendTimeout
	SlowDisconnect SlowClient = "disconnect"  // its connection is closed
)

// LogOff is the LogLevel above every level.
const LogOff slog.Level = math.MaxInt32

// guarded tells whether a peer has to show something before it is let in, so
// that it cannot be an old one, who shows nothing.
func (s *Settings) guarded(t Transport) bool {
	return t == TCP && (s.TCP.TLS || s.TCP.TokenFile != "")
}

// maxConnections is the setting of the transport's own table.
func (s *Settings) maxConnections(t Transport) int {
	if t == TCP {
		return s.TCP.MaxConnections
	}
	return s.Unix.MaxConnections
}

// reconnectDelays are the bounds of the backoff of the transport's own table.
func (s *Settings) reconnectDelays(t Transport) (min, max time.Duration) {
	if t == TCP {
		return s.TCP.ReconnectMin, s.TCP.ReconnectMax
	}
	return s.Unix.ReconnectMin, s.Unix.ReconnectMax
}

// clientName is what this process calls itself to a server.
func (s *Settings) clientName() string {
	if s.Name == "" {
		return programName
	}
	return s.Name
}
