package socket

import (
	"math"
	"strconv"
	"strings"
)

// settingCase is what one key takes and refuses. Values are written as in
// settings.toml; as text of a variable they mean the same, except where
// fileOnly is set.
type settingCase struct {
	initial any // as Map gives it
	accepts []accepted
	refuses []refused
}

type accepted struct {
	text string
	want any // as Map gives it
}

type refused struct {
	text, why string
	shown     string // how a message shows the value; "": as text
	fileOnly  bool
}

// quoted is TOML text of n bytes.
func quoted(n int) string { return strconv.Quote(strings.Repeat("x", n)) }

// shownLong is how a message shows TOML text that is too long to show.
var shownLong = `"` + strings.Repeat("x", 99) + "..."

const (
	aPositiveNumber = "must be a number of seconds, greater than 0"
	aNumberFrom0    = "must be a number of seconds, 0 or more"
	aSlowPolicy     = "must be one of drop_oldest, latest, block, disconnect"
	aLevel          = "must be one of off, debug, info, warn, error"
	aZone           = "must be a known time zone, like Europe/Madrid"
	someTypes       = "must be a list of text, each data, error or control"
	someIDs         = "must be a list of whole numbers, each 0 to 4294967294"
	octalText       = "must be text of octal digits with a leading 0, at most 0777"
)

func switchCase(initial bool) settingCase {
	return settingCase{initial, []accepted{{"true", true}, {"false", false}},
		[]refused{{text: `"x"`, why: "must be true or false"}, {text: "2", why: "must be true or false"}}}
}

func countCase(initial, min int, bound string) settingCase {
	return settingCase{initial,
		[]accepted{{strconv.Itoa(min), min}, {"2147483647", math.MaxInt32}},
		[]refused{
			{text: strconv.Itoa(min - 1), why: "must be " + bound},
			{text: "2147483648", why: "must be at most 2147483647"},
			{text: "1.5", why: "must be a whole number, " + bound},
			{text: `"x"`, why: "must be a whole number, " + bound},
		}}
}

func bytesCase(initial int) settingCase {
	return settingCase{initial,
		[]accepted{{"65536", 65536}, {"1099511627776", 1 << 40}},
		[]refused{
			{text: "65535", why: "must be at least 65536"},
			{text: "1099511627777", why: "must be at most 1099511627776"},
			{text: "[]", why: "must be a whole number, at least 65536"},
		}}
}

func portCase(initial int) settingCase {
	return settingCase{initial,
		[]accepted{{"1024", 1024}, {"65535", 65535}},
		[]refused{
			{text: "1023", why: "must be 1024 to 65535"},
			{text: "65536", why: "must be 1024 to 65535"},
			{text: "true", why: "must be a whole number, 1024 to 65535"},
		}}
}

func positiveCase(initial float64) settingCase {
	return settingCase{initial,
		[]accepted{{"0.000000001", 1e-9}, {"7", 7.0}, {"1000000000", 1e9}},
		[]refused{
			{text: "0", why: "must be greater than 0"},
			{text: "-1", why: "must be greater than 0"},
			{text: "1e-10", why: "must be greater than 0"},
			{text: "-inf", shown: "-Inf", why: "must be greater than 0"},
			{text: "1000000001", why: "must be at most 1000000000"},
			{text: "inf", shown: "+Inf", why: "must be at most 1000000000"},
			{text: "nan", shown: "NaN", why: aPositiveNumber},
			{text: `"5s"`, why: aPositiveNumber},
		}}
}

func fromZeroCase(initial float64) settingCase {
	return settingCase{initial,
		[]accepted{{"0", 0.0}, {"0.5", 0.5}},
		[]refused{
			{text: "-0.001", why: "must be 0 or more"},
			{text: "1000000001", why: "must be at most 1000000000"},
			{text: "false", why: aNumberFrom0},
		}}
}

func idsCase() settingCase {
	return settingCase{[]any{},
		[]accepted{{"[]", []any{}}, {"[0, 4294967294]", []any{0, 4294967294}}},
		[]refused{
			{text: "[-1]", why: someIDs},
			{text: "[4294967295]", why: someIDs},
			{text: `["root"]`, why: someIDs},
			{text: "1.5", why: someIDs},
		}}
}

func pathCase(initial string, also ...refused) settingCase {
	return settingCase{initial,
		[]accepted{{`"x"`, "x"}, {quoted(4096), strings.Repeat("x", 4096)}},
		append(also,
			refused{text: quoted(4097), shown: shownLong, why: "must be at most 4096 bytes"},
			refused{text: `"a\u0000b"`, shown: `"a\x00b"`, why: "must not contain control characters"},
			refused{text: "5", why: "must be text", fileOnly: true},
		)}
}

// settingCases has a row for every key of the table.
var settingCases = map[string]settingCase{
	"socket.socket_dir":         pathCase("/tmp/sockets", refused{text: `""`, why: "must not be empty"}),
	"socket.default_timeout":    positiveCase(5),
	"socket.buffer_size":        countCase(4096, 1, "greater than 0"),
	"socket.buffer_bytes":       bytesCase(4194304),
	"socket.timezone":           {"UTC", []accepted{{`"Europe/Madrid"`, "Europe/Madrid"}}, []refused{{text: `"Mars/Base"`, why: aZone}, {text: `""`, why: aZone}, {text: `"Local"`, why: aZone}, {text: "1", why: aZone}}},
	"socket.message_queue_size": countCase(100, 1, "greater than 0"),
	"socket.blocking_mode":      switchCase(false),
	"socket.allow_client_send":  switchCase(true),
	"socket.max_message_size": {16777216, []accepted{{"1024", 1024}, {"2147483647", math.MaxInt32}},
		[]refused{
			{text: "1023", why: "must be 1024 to 2147483647"},
			{text: "2147483648", why: "must be 1024 to 2147483647"},
			{text: `"1M"`, why: "must be a whole number, 1024 to 2147483647"},
		}},
	"socket.log_messages": countCase(16384, 1, "greater than 0"),
	"socket.log_bytes":    bytesCase(8388608),
	"socket.slow_client": {"drop_oldest",
		[]accepted{{`"drop_oldest"`, "drop_oldest"}, {`"latest"`, "latest"}, {`"block"`, "block"}, {`"Disconnect"`, "disconnect"}},
		[]refused{{text: `"wait"`, why: aSlowPolicy}, {text: "1", why: aSlowPolicy}}},
	"socket.send_timeout":    positiveCase(5),
	"socket.linger":          fromZeroCase(1),
	"socket.frame_timeout":   positiveCase(30),
	"socket.history_size":    countCase(0, 0, "0 or more"),
	"socket.retain_keys":     countCase(1024, 0, "0 or more"),
	"socket.reconnect":       switchCase(true),
	"socket.wait_for_server": switchCase(false),
	"socket.name": {"",
		[]accepted{{`""`, ""}, {quoted(64), strings.Repeat("x", 64)}, {`"ñ, 'x'"`, "ñ, 'x'"}},
		[]refused{
			{text: quoted(65), why: "must be at most 64 bytes"},
			{text: `"a\tb"`, why: "must not contain control characters"},
			{text: "false", why: "must be text", fileOnly: true},
		}},
	"socket.types": {[]any{},
		[]accepted{{`[]`, []any{}}, {`["data", "ERROR", "control"]`, []any{"data", "error", "control"}}},
		[]refused{{text: `["data", "x"]`, why: someTypes}, {text: "[1]", why: someTypes}, {text: "[{ a = 1 }]", shown: "[{...}]", why: someTypes, fileOnly: true}, {text: `"x"`, why: someTypes}}},
	"socket.log_level": {"off",
		[]accepted{{`"off"`, "off"}, {`"debug"`, "debug"}, {`"INFO"`, "info"}, {`"warn"`, "warn"}, {`"error"`, "error"}},
		[]refused{{text: `"loud"`, why: aLevel}}},
	"socket.socket_activation": switchCase(true),
	"socket.sd_notify":         switchCase(false),
	"socket.spin_us": {0, []accepted{{"0", 0}, {"50", 50}, {"1000", 1000}},
		[]refused{
			{text: "-1", why: "must be 0 to 1000"},
			{text: "1001", why: "must be 0 to 1000"},
			{text: "0.5", why: "must be a whole number, 0 to 1000"},
			{text: `"1ms"`, why: "must be a whole number, 0 to 1000"},
		}},
	"socket.unix.max_connections": countCase(10, 1, "greater than 0"),
	"socket.unix.socket_permissions": {"0600",
		[]accepted{{`"0777"`, "0777"}, {`"00"`, "0000"}, {`"066"`, "0066"}},
		[]refused{{text: `"600"`, why: octalText}, {text: `"01000"`, why: octalText}, {text: `"0"`, why: octalText}, {text: `"0o600"`, why: octalText}, {text: `"0800"`, why: octalText}, {text: "384", why: octalText}}},
	"socket.unix.auto_remove_socket": switchCase(true),
	"socket.unix.allowed_uids":       idsCase(),
	"socket.unix.allowed_gids":       idsCase(),
	"socket.unix.readonly_uids":      idsCase(),
	"socket.unix.reconnect_min":      positiveCase(0.05),
	"socket.unix.reconnect_max":      positiveCase(5),
	"socket.tcp.host": {"127.0.0.1",
		[]accepted{{`"::1"`, "::1"}, {quoted(255), strings.Repeat("x", 255)}},
		[]refused{
			{text: `""`, why: "must not be empty"},
			{text: quoted(256), shown: shownLong, why: "must be at most 255 bytes"},
			{text: `"a\nb"`, why: "must not contain control characters"},
		}},
	"socket.tcp.port": {-1,
		[]accepted{{"-1", -1}, {"0", 0}, {"1024", 1024}, {"65535", 65535}},
		[]refused{
			{text: "-2", why: "must be -1, 0 or 1024 to 65535"},
			{text: "1", why: "must be -1, 0 or 1024 to 65535"},
			{text: "1023", why: "must be -1, 0 or 1024 to 65535"},
			{text: "65536", why: "must be -1, 0 or 1024 to 65535"},
			{text: `"http"`, why: "must be a whole number, -1, 0 or 1024 to 65535"},
		}},
	"socket.tcp.port_range_start": portCase(9000),
	"socket.tcp.port_range_end":   portCase(9100),
	"socket.tcp.max_connections":  countCase(10, 1, "greater than 0"),
	"socket.tcp.reconnect_min":    positiveCase(0.25),
	"socket.tcp.reconnect_max":    positiveCase(30),
	"socket.tcp.heartbeat": {15.0,
		[]accepted{{"0", 0.0}, {"0.001", 0.001}, {"1000000000", 1e9}},
		[]refused{
			// Told in whole milliseconds it would be none, and the server wait for it.
			{text: "0.0009", why: "must be 0, or at least 0.001"},
			{text: "1e-10", why: "must be 0, or at least 0.001"},
			{text: "-0.001", why: "must be 0, or at least 0.001"},
			{text: "1000000001", why: "must be at most 1000000000"},
			{text: "false", why: "must be a number of seconds, 0, or at least 0.001"},
		}},
	"socket.tcp.insecure":           switchCase(false),
	"socket.tcp.tls":                switchCase(false),
	"socket.tcp.tls_cert_file":      pathCase(""),
	"socket.tcp.tls_key_file":       pathCase(""),
	"socket.tcp.tls_client_ca_file": pathCase(""),
	"socket.tcp.tls_ca_file":        pathCase(""),
	"socket.tcp.tls_server_name": {"",
		[]accepted{{`""`, ""}, {`"example.org"`, "example.org"}},
		[]refused{
			{text: quoted(256), shown: shownLong, why: "must be at most 255 bytes"},
			{text: `"a\nb"`, why: "must not contain control characters"},
		}},
	"socket.tcp.token_file": pathCase(""),
}
