package socket

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// widensNothing are the settings that let nobody in who would otherwise be
// kept out. Every other one is a row of docs/security.md.
var widensNothing = []string{
	"socket.default_timeout", "socket.buffer_size", "socket.timezone", "socket.message_queue_size", "socket.blocking_mode",
	"socket.allow_client_send", "socket.log_messages", "socket.log_bytes", "socket.slow_client", "socket.send_timeout",
	"socket.linger", "socket.frame_timeout", "socket.history_size", "socket.retain_keys", "socket.reconnect",
	"socket.wait_for_server", "socket.name", "socket.types", "socket.log_level", "socket.sd_notify", "socket.spin_us",
	"socket.unix.auto_remove_socket", "socket.unix.reconnect_min", "socket.unix.reconnect_max",
	"socket.tcp.port", "socket.tcp.port_range_start", "socket.tcp.port_range_end", "socket.tcp.reconnect_min",
	"socket.tcp.reconnect_max", "socket.tcp.heartbeat", "socket.tcp.tls_cert_file", "socket.tcp.tls_key_file",
	"socket.tcp.tls_client_ca_file", "socket.tcp.tls_ca_file", "socket.tcp.token_file",
}

// The security page lists every setting that widens access, with its default;
// whoever adds a setting says to which side it belongs.
func TestSecurityPageListsWhatWidensAccess(t *testing.T) {
	listed := map[string]string{}
	for _, row := range pageTable(t, "docs/security.md", "## Settings that widen access") {
		listed[inCode(row[0])[0]] = row[1]
	}
	for _, name := range widensNothing {
		require.NotContains(t, listed, name, "widensNothing says the contrary")
		listed[name] = ""
	}
	for _, k := range settingsTable {
		shown, known := listed[k.name()]
		require.True(t, known, "does %s let more in? Then it is a row of docs/security.md, else of widensNothing", k.name())
		if shown != "" {
			require.Equal(t, "`"+showValue(k.value(DefaultSettings()))+"`", shown, k.name())
		}
		delete(listed, k.name())
	}
	require.Empty(t, listed, "no such settings")
}

// The settings that the security page shows load, without a warning, and are
// in order for a server and for its clients.
func TestSecurityPageExamples(t *testing.T) {
	page := treeFile(t, "docs/security.md")
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(page, -1)
	require.Len(t, examples, 2)
	for i, isServer := range []bool{true, false} {
		environ := []string{"HOME=/home/u", "SOCKET_SETTINGS_FILE=" + writeSettings(t, examples[i][1])}
		checkExample(t, examples[i][1], environ)
		s, err := LoadSettingsEnviron(TCP, "", environ)
		require.NoError(t, err)
		require.NoError(t, s.TCP.checkTLS(isServer))
	}
	variables := regexp.MustCompile(`(?m)^export (\w+)='(.*?)'$`).FindAllStringSubmatch(page, -1)
	require.Len(t, variables, 1)
	checkExample(t, variables[0][0], []string{"HOME=/home/u", variables[0][1] + "=" + variables[0][2]})
}
