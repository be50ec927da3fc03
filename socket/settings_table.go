package socket

import (
	"log/slog"
	"math"
	"os"
	"strings"
	"time"
)

// A setting is one key of settings.toml. Everything about a key is said once,
// in the table below: the loader, the validation, Map and the settings page
// (docs/settings.md) all come from it.
type setting struct {
	table   string // "socket", or "unix" or "tcp" within it
	key     string
	kind    settingKind  // type, unit and bound
	initial any          // the default, as a TOML value
	field   settingField // where it lives in Settings
	meaning string
}

// name is the full name of the key in settings.toml.
func (k *setting) name() string {
	if k.table == "socket" {
		return "socket." + k.key
	}
	return "socket." + k.table + "." + k.key
}

// environment is the variable that sets the key.
func (k *setting) environment() string {
	return strings.ToUpper(strings.ReplaceAll(k.name(), ".", "__"))
}

// value is what s holds, as a TOML value.
func (k *setting) value(s *Settings) any { return k.kind.format(k.field.get(s)) }

// A settingField reads and writes one field of Settings.
type settingField struct {
	get func(*Settings) any
	set func(*Settings, any)
}

func fieldAt[T any](f func(*Settings) *T) settingField {
	return settingField{
		get: func(s *Settings) any { return *f(s) },
		set: func(s *Settings, v any) { *f(s) = v.(T) },
	}
}

// timezoneField sets the name and what it stands for together.
var timezoneField = settingField{
	get: func(s *Settings) any { return s.Timezone },
	set: func(s *Settings, v any) {
		s.Location = v.(*time.Location)
		s.Timezone = s.Location.String()
	},
}

var slowClientKind = choiceKind[SlowClient]{
	{"drop_oldest", SlowDropOldest},
	{"latest", SlowLatest},
	{"block", SlowBlock},
	{"disconnect", SlowDisconnect},
}

var logLevelKind = choiceKind[slog.Level]{
	{"off", LogOff},
	{"debug", slog.LevelDebug},
	{"info", slog.LevelInfo},
	{"warn", slog.LevelWarn},
	{"error", slog.LevelError},
}

// settingsTable is every key, in the order of the settings page.
var settingsTable = []*setting{
	{"socket", "socket_dir", pathKind{min: 1}, "/tmp/sockets",
		fieldAt(func(s *Settings) *string { return &s.SocketDir }),
		"Directory of the Unix sockets."},
	{"socket", "default_timeout", secondsKind{positive: true}, 5,
		fieldAt(func(s *Settings) *time.Duration { return &s.DefaultTimeout }),
		"Connecting and the handshake may take this long."},
	{"socket", "buffer_size", countOf("messages", 1), 4096,
		fieldAt(func(s *Settings) *int { return &s.BufferSize }),
		"Messages that have arrived and wait to be taken, before the library stops reading."},
	{"socket", "buffer_bytes", bytesFrom(64 << 10), 4 << 20,
		fieldAt(func(s *Settings) *int { return &s.BufferBytes }),
		"The same bound in bytes; whichever is reached first."},
	{"socket", "timezone", zoneKind{}, "UTC",
		timezoneField,
		"Time zone of `timestamp_iso`."},
	{"socket", "message_queue_size", countOf("messages", 1), 100,
		fieldAt(func(s *Settings) *int { return &s.MessageQueueSize }),
		"Messages kept for the first client while nobody is connected; beyond it the oldest goes."},
	{"socket", "blocking_mode", boolKind{}, false,
		fieldAt(func(s *Settings) *bool { return &s.BlockingMode }),
		"`start()` of a Python server runs until `stop()`."},
	{"socket", "allow_client_send", boolKind{}, true,
		fieldAt(func(s *Settings) *bool { return &s.AllowClientSend }),
		"A server takes messages from its clients; otherwise it refuses them."},
	{"socket", "max_message_size", intKind{unit: "bytes", min: 1024, max: math.MaxInt32}, 16 << 20,
		fieldAt(func(s *Settings) *int { return &s.MaxMessageSize }),
		"Largest message, encoded, that is sent or taken."},
	{"socket", "log_messages", countOf("messages", 1), 16384,
		fieldAt(func(s *Settings) *int { return &s.LogMessages }),
		"Messages a server holds for clients that are behind."},
	{"socket", "log_bytes", bytesFrom(64 << 10), 8 << 20,
		fieldAt(func(s *Settings) *int { return &s.LogBytes }),
		"The same bound in bytes; whichever is reached first."},
	{"socket", "slow_client", slowClientKind, "drop_oldest",
		fieldAt(func(s *Settings) *SlowClient { return &s.SlowClient }),
		"What becomes of a client that does not keep up. `drop_oldest`: it misses what the log no longer holds; `latest`: it is given the newest message only; both tell it how many it missed. `block`: `send` waits for it; `disconnect`: its connection is closed."},
	{"socket", "send_timeout", secondsKind{positive: true}, 5,
		fieldAt(func(s *Settings) *time.Duration { return &s.SendTimeout }),
		"How long `send` waits for room: of a client, and of a server with `slow_client = \"block\"`."},
	{"socket", "linger", secondsKind{}, 1,
		fieldAt(func(s *Settings) *time.Duration { return &s.Linger }),
		"How long closing takes at most to write out what was sent."},
	{"socket", "frame_timeout", secondsKind{positive: true}, 30,
		fieldAt(func(s *Settings) *time.Duration { return &s.FrameTimeout }),
		"A peer that has begun a frame must end it within this time. With `slow_client = \"disconnect\"`, so long may a client that is to go take to read what is being written to it."},
	{"socket", "history_size", countOf("messages", 0), 0,
		fieldAt(func(s *Settings) *int { return &s.HistorySize }),
		"Messages from before it joined that a new client is given; 0: none."},
	{"socket", "retain_keys", countOf("keys", 0), 1024,
		fieldAt(func(s *Settings) *int { return &s.RetainKeys }),
		"Keys a server retains the newest message of, and at most `log_bytes` of them; beyond it the longest unchanged goes."},
	{"socket", "reconnect", boolKind{}, true,
		fieldAt(func(s *Settings) *bool { return &s.Reconnect }),
		"A client that lost its connection comes back by itself."},
	{"socket", "wait_for_server", boolKind{}, false,
		fieldAt(func(s *Settings) *bool { return &s.WaitForServer }),
		"Opening a client succeeds at once, and it connects when the server is there."},
	{"socket", "name", textKind{max: 64}, "",
		fieldAt(func(s *Settings) *string { return &s.Name }),
		"What a client calls itself; empty: the name of the program."},
	{"socket", "types", typesKind{}, []any{},
		fieldAt(func(s *Settings) *[]MessageType { return &s.Types }),
		"A client is given messages of these types only; empty: of all."},
	{"socket", "log_level", logLevelKind, "off",
		fieldAt(func(s *Settings) *slog.Level { return &s.LogLevel }),
		"Log lines from this level on become LOG events of the server or client."},
	{"socket", "socket_activation", boolKind{}, true,
		fieldAt(func(s *Settings) *bool { return &s.SocketActivation }),
		"A server takes the listening socket that a service manager passed for its event, if there is one."},
	{"socket", "sd_notify", boolKind{}, false,
		fieldAt(func(s *Settings) *bool { return &s.SdNotify }),
		"A server tells the service manager `READY=1` when clients can connect, and `STOPPING=1` when it begins to close."},
	{"socket", "spin_us", microsKind{most: 1000}, 0,
		fieldAt(func(s *Settings) *time.Duration { return &s.Spin }),
		"Who was given a message looks for the next one for so long before it sleeps: faster where cores are idle, slower where they are not, see [performance](performance.md#spinning). 0: off."},

	{"unix", "max_connections", countOf("connections", 1), 10,
		fieldAt(func(s *Settings) *int { return &s.Unix.MaxConnections }),
		"Clients a server takes at once."},
	{"unix", "socket_permissions", permissionsKind{}, "0600",
		fieldAt(func(s *Settings) *os.FileMode { return &s.Unix.SocketPermissions }),
		"Permissions of the socket file."},
	{"unix", "auto_remove_socket", boolKind{}, true,
		fieldAt(func(s *Settings) *bool { return &s.Unix.AutoRemoveSocket }),
		"Closing a server removes its socket file."},
	{"unix", "allowed_uids", idsKind{}, []any{},
		fieldAt(func(s *Settings) *[]int { return &s.Unix.AllowedUIDs }),
		"Users trusted besides our own and root: as clients of our servers, and as servers of our clients."},
	{"unix", "allowed_gids", idsKind{}, []any{},
		fieldAt(func(s *Settings) *[]int { return &s.Unix.AllowedGIDs }),
		"Groups whose members are trusted like `allowed_uids`. The group a process runs with counts, and its supplementary groups."},
	{"unix", "readonly_uids", idsKind{}, []any{},
		fieldAt(func(s *Settings) *[]int { return &s.Unix.ReadonlyUIDs }),
		"Users who may be clients of our servers and listen, and nothing else, whatever else lets them in: what they send is refused."},
	{"unix", "reconnect_min", secondsKind{positive: true}, 0.05,
		fieldAt(func(s *Settings) *time.Duration { return &s.Unix.ReconnectMin }),
		"First delay between attempts to reconnect, at most `reconnect_max`; delays grow and are spread at random."},
	{"unix", "reconnect_max", secondsKind{positive: true}, 5,
		fieldAt(func(s *Settings) *time.Duration { return &s.Unix.ReconnectMax }),
		"Longest delay between attempts to reconnect."},

	{"tcp", "host", textKind{min: 1, max: 255}, "127.0.0.1",
		fieldAt(func(s *Settings) *string { return &s.TCP.Host }),
		"Name or address a server listens on and a client connects to."},
	{"tcp", "port", intKind{min: 1024, max: 65535, auto: true}, -1,
		fieldAt(func(s *Settings) *int { return &s.TCP.Port }),
		"Port; -1: a server takes the first free one of the range; 0: any free port. A client needs the port."},
	{"tcp", "port_range_start", intKind{min: 1024, max: 65535}, 9000,
		fieldAt(func(s *Settings) *int { return &s.TCP.PortRangeStart }),
		"First port of the range, at most `port_range_end`."},
	{"tcp", "port_range_end", intKind{min: 1024, max: 65535}, 9100,
		fieldAt(func(s *Settings) *int { return &s.TCP.PortRangeEnd }),
		"Last port of the range."},
	{"tcp", "max_connections", countOf("connections", 1), 10,
		fieldAt(func(s *Settings) *int { return &s.TCP.MaxConnections }),
		"Clients a server takes at once."},
	{"tcp", "reconnect_min", secondsKind{positive: true}, 0.25,
		fieldAt(func(s *Settings) *time.Duration { return &s.TCP.ReconnectMin }),
		"First delay between attempts to reconnect, at most `reconnect_max`; delays grow and are spread at random."},
	{"tcp", "reconnect_max", secondsKind{positive: true}, 30,
		fieldAt(func(s *Settings) *time.Duration { return &s.TCP.ReconnectMax }),
		"Longest delay between attempts to reconnect."},
	{"tcp", "heartbeat", secondsKind{least: time.Millisecond}, 15, // it is told in whole milliseconds
		fieldAt(func(s *Settings) *time.Duration { return &s.TCP.Heartbeat }),
		"A connection that was quiet for this long is asked whether it lives, and given up after three questions without answer; 0: never."},
	{"tcp", "insecure", boolKind{}, false,
		fieldAt(func(s *Settings) *bool { return &s.TCP.Insecure }),
		"Allows a server without TLS that other machines can reach, although nothing is encrypted and nobody is checked."},
	{"tcp", "tls", boolKind{}, false,
		fieldAt(func(s *Settings) *bool { return &s.TCP.TLS }),
		"Connections are encrypted with TLS 1.3; the other end must speak it too. A server needs `tls_cert_file` and `tls_key_file`."},
	{"tcp", "tls_cert_file", pathKind{}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TLSCertFile }),
		"Certificate this end shows, with those that lead to its signer, in PEM: of a server always, of a client when the server asks."},
	{"tcp", "tls_key_file", pathKind{}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TLSKeyFile }),
		"Private key of that certificate, in PEM. Nobody but its owner may be able to read the file."},
	{"tcp", "tls_client_ca_file", pathKind{}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TLSClientCAFile }),
		"A server lets in only clients with a certificate that one of these, in PEM, has signed; empty: certificates of clients are not asked for."},
	{"tcp", "tls_ca_file", pathKind{}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TLSCAFile }),
		"A client trusts servers with a certificate that one of these, in PEM, has signed, or that is one of these; empty: those the system trusts."},
	{"tcp", "tls_server_name", textKind{max: 255}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TLSServerName }),
		"Name or address that the server's certificate must be for; empty: `host`."},
	{"tcp", "token_file", pathKind{}, "",
		fieldAt(func(s *Settings) *string { return &s.TCP.TokenFile }),
		"File with a secret that server and clients must share: one line of 16 to 1024 bytes. Nobody but its owner may be able to read it. Empty: none is asked for."},
}

// settingOf finds a key of a table by its lower-case name.
func settingOf(table, key string) *setting { return settingsIndex[table+"."+key] }

var settingsIndex = func() map[string]*setting {
	index := make(map[string]*setting, len(settingsTable))
	for _, k := range settingsTable {
		index[k.table+"."+k.key] = k
	}
	return index
}()

// DefaultSettings returns the settings that nothing was configured of.
func DefaultSettings() *Settings {
	s := &Settings{}
	for _, k := range settingsTable {
		v, err := k.kind.parse(k.initial)
		if err != nil {
			panic("default of " + k.name() + ": " + err.Error())
		}
		k.field.set(s, v)
	}
	return s
}

// Map returns the settings as settings.toml would say them: the [socket]
// table, with the tables unix and tcp in it. Times are seconds.
func (s *Settings) Map() map[string]any {
	tables := map[string]map[string]any{"socket": {}, "unix": {}, "tcp": {}}
	for _, k := range settingsTable {
		tables[k.table][k.key] = k.value(s)
	}
	m := tables["socket"]
	m["unix"], m["tcp"] = tables["unix"], tables["tcp"]
	return m
}
