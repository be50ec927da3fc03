package socket

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The pages of docs/, the header and the C boundary repeat what the tables of
// this package say. These tests hold them to it.

// treeFile returns a file of the tree, named from its top.
func treeFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(text)
}

// pageTable returns the cells of the table that follows the words on a page,
// row by row, without the head.
func pageTable(t *testing.T, page, words string) [][]string {
	t.Helper()
	_, after, found := strings.Cut(treeFile(t, page), words)
	require.True(t, found, "%s does not say %q", page, words)
	_, after, found = strings.Cut(after, "\n|---")
	require.True(t, found, "no table follows %q in %s", words, page)
	var rows [][]string
	for _, line := range strings.Split(after, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	require.NotEmpty(t, rows)
	return rows
}

// inCode returns the words in code marks.
func inCode(text string) (words []string) {
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		words = append(words, match[1])
	}
	return words
}

// pageControls are the control frames that the protocol page shows.
func pageControls() map[string]control {
	const epoch = 0x123456789abcdef1
	onlyErrors := newTypeSet([]MessageType{Error})
	return map[string]control{
		"hello":   {kind: controlHello, version: 1, name: "viewer", pid: 4711},
		"resume":  {kind: controlHello, version: 1, name: "viewer", pid: 4711, types: onlyErrors, hasResume: true, epoch: epoch, seq: 8},
		"welcome": {kind: controlWelcome, version: 1, epoch: epoch, seq: 8, pid: 4242, maxMessageSize: 16 << 20, heartbeatMs: 15000},
		"lagged":  {kind: controlLagged, missed: 92, from: 8, to: 99},
		"seq":     {kind: controlSeq, seq: 103},
		"synced":  {kind: controlSynced, seq: 100},
		"refused": {kind: controlRefused, reason: ReasonNotAllowed, text: "no"},
		"goodbye": {kind: controlGoodbye, reason: ReasonStopped, text: "the server was stopped"},
		"ping":    {kind: controlPing},
		"pong":    {kind: controlPong},
		"inspect": {kind: controlInspect, version: 1, name: "monitor", pid: 4711, nonce: pageNonce(0)},
		"info":    {kind: controlInfo, version: 1, info: pageInfo(epoch)},

		"hello_nonce":  {kind: controlHello, version: 1, name: "viewer", pid: 4711, nonce: pageNonce(0)},
		"challenge":    {kind: controlChallenge, nonce: pageNonce(32)},
		"client_proof": {kind: controlProof, proof: pageToken.proof(clientProof, pageNonce(0), pageNonce(32))},
		"server_proof": {kind: controlProof, proof: pageToken.proof(serverProof, pageNonce(0), pageNonce(32))},
	}
}

// pageInfo is the answer to an inspection that the protocol page shows.
func pageInfo(epoch uint64) *ServerInfo {
	return &ServerInfo{
		State: StateLive, Event: "progress", Transport: Unix, Address: "/tmp/sockets/progress.sock", PID: 4242, UID: -1,
		Library: "0.1.0", Uptime: time.Minute,
		Stats: ServerStats{
			Sent: 100, Delivered: 8, Dropped: 92, Clients: 1, MaxConnections: 10, LogMessages: 100, LogMessagesLimit: 16384,
			LogBytes: 65536, LogBytesLimit: 8 << 20, Epoch: epoch, Seq: 101,
		},
		Clients: []ClientInfo{{
			ID: 1763417982123, ConnectedAt: 1763417982123, PID: 4711, UID: 1000, GID: 1000, Name: "viewer",
			Address: "/tmp/sockets/progress.sock", Delivered: 8, Missed: 92,
		}},
	}
}

// pageToken and pageNonce are those of the protocol page's example.
var pageToken = secret("correct horse battery staple")

func pageNonce(first byte) []byte {
	nonce := make([]byte, nonceSize)
	for i := range nonce {
		nonce[i] = first + byte(i)
	}
	return nonce
}

// The frames that the protocol page shows in hex are those we write, and are
// read as what the page says they are.
func TestProtocolPageFrames(t *testing.T) {
	shown := map[string][]byte{}
	blocks := regexp.MustCompile("(?s)```hex (\\w+)\n(.*?)```").FindAllStringSubmatch(treeFile(t, "docs/protocol.md"), -1)
	for _, block := range blocks {
		digits := regexp.MustCompile(`;.*|\s`).ReplaceAllString(block[2], "")
		frame, err := hex.DecodeString(digits)
		require.NoError(t, err, block[1])
		shown[block[1]] = frame
	}

	data, err := Marshal(map[string]int{"percent": 42})
	require.NoError(t, err)
	m := Message{TimestampMs: 1763417982123, TimestampISO: "2025-11-17T22:19:42.123456+00:00", Data: data}
	wanted := map[string]envelope{"message": {}, "unicast": {unicast: true}}
	for name, env := range wanted {
		frame, err := newEncoder("progress", nil, 1<<20).appendFrame(nil, &m, env.extra())
		require.NoError(t, err)
		require.Equal(t, frame, shown[name], name)
		var read envelope
		var ctl control
		isControl, err := parseBody(shown[name][lengthSize:], &read, &ctl, nil)
		require.NoError(t, err, name)
		require.False(t, isControl, name)
		require.Equal(t, env.unicast, read.unicast, name)
	}
	for name, want := range pageControls() {
		require.Equal(t, want.appendFrame(nil), shown[name], name)
		var env envelope
		var read control
		isControl, err := parseBody(shown[name][lengthSize:], &env, &read, nil)
		require.NoError(t, err, name)
		require.True(t, isControl, name)
		require.Equal(t, want, read, name)
	}
	require.Len(t, shown, len(wanted)+len(pageControls()))
}

// The protocol page lists every kind of control frame, with the keys it has
// and no others. One that may be missing has a question mark.
func TestProtocolPageControlFrames(t *testing.T) {
	keys := map[controlKind]map[string]any{}
	for _, example := range pageControls() {
		var m map[string]any
		require.NoError(t, Unmarshal(example.appendFrame(nil)[lengthSize:], &m))
		delete(m, controlKey)
		if keys[example.kind] == nil {
			keys[example.kind] = map[string]any{}
		}
		maps.Copy(keys[example.kind], m)
	}
	var kinds []string
	for _, row := range pageTable(t, "docs/protocol.md", "## Control frames") {
		kind := inCode(row[0])[0]
		kinds = append(kinds, kind)
		require.ElementsMatch(t, slices.Collect(maps.Keys(keys[parseControlKind([]byte(kind))])), inCode(row[2]), "keys of %s", kind)
	}
	require.Equal(t, controlNames[1:], kinds)
}

// The protocol page lists what an info frame tells of the server and of each
// client.
func TestProtocolPageInfo(t *testing.T) {
	for words, fields := range map[string][]docField{
		"`stats` is a map":      (&ServerStats{}).fields(),
		"`clients` is an array": (&ClientInfo{}).fields(),
	} {
		var keys, listed []string
		for _, f := range fields {
			keys = append(keys, f.key)
		}
		for _, row := range pageTable(t, "docs/protocol.md", words) {
			listed = append(listed, inCode(row[0])...)
		}
		require.Equal(t, keys, listed)
	}
}

func TestProtocolPageReasons(t *testing.T) {
	var rows []string
	for _, row := range pageTable(t, "docs/protocol.md", "### Reasons") {
		rows = append(rows, inCode(row[0])[0]+" "+row[1])
	}
	var want []string
	for number, text := range reasonTexts {
		want = append(want, fmt.Sprintf("%s %d", text, number))
	}
	require.Equal(t, want, rows)
}

func TestProtocolPageLimits(t *testing.T) {
	defaults := DefaultSettings()
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	seconds := func(key string, d time.Duration) string { return fmt.Sprintf("`%s` (%d s)", key, int(d.Seconds())) }
	want := map[string]string{
		"body of a frame":                            fmt.Sprintf("1 to `max_message_size` bytes (%d MiB), set at either end", defaults.MaxMessageSize>>20),
		"containers around each other in a body":     strconv.Itoa(maxBodyDepth),
		"`name`, `text`":                             fmt.Sprintf("%d and %d bytes; cut off beyond", maxPeerName, maxPeerText),
		"silence after which a client is an old one": milliseconds(silence),
		"the first frame, once begun":                seconds("default_timeout", defaults.DefaultTimeout),
		"wait for the welcome":                       milliseconds(welcomeWait),
		"any later frame, once begun":                seconds("frame_timeout", defaults.FrameTimeout),
		"silence of a peer with a heartbeat":         fmt.Sprintf("%d × `heartbeat_ms` (%[1]d × %d s over TCP)", silentAfter, int(defaults.TCP.Heartbeat.Seconds())),
		"body of a frame to a server that asks for TLS or a token, before the `welcome`": fmt.Sprintf("%d KiB", maxGreeting>>10),
		"`nonce`, `proof`": fmt.Sprintf("%d bytes, no more and no fewer", nonceSize),
		"the handshake of TLS, the first frame, and the proof of a token, together": seconds("default_timeout", defaults.DefaultTimeout),
		"connections that are accepted and no clients yet":                          fmt.Sprintf("%d; beyond that, who has waited for %d ms is closed", lobbySize, lobbyPatience.Milliseconds()),
		"wait of who proved something wrong for the `goodbye`":                      milliseconds(refusalDelay),
		"`heartbeat_ms`": fmt.Sprintf("%d; more counts as that", maxHeartbeatMs),
		"writing a `goodbye`; a TCP server's wait for the client to close": milliseconds(farewell) + " each",
		"body of an `info`":   fmt.Sprintf("%d MiB; clients beyond are left out", maxInfo>>20),
		"inspections at once": strconv.Itoa(maxInspections),
		"clients of a server": fmt.Sprintf("`max_connections` (%d)", defaults.Unix.MaxConnections),
	}
	got := map[string]string{}
	for _, row := range pageTable(t, "docs/protocol.md", "## Limits") {
		got[row[0]] = row[1]
	}
	require.Equal(t, want, got)
}

// constants returns the constants of a Go file whose names start with the
// prefix, without it and as C writes them: MaxConnections is MAX_CONNECTIONS.
func constants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	found := map[string]string{}
	for _, declaration := range parsed.Decls {
		block, ok := declaration.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for iota, spec := range block.Specs {
			spec := spec.(*ast.ValueSpec)
			name, ok := strings.CutPrefix(spec.Names[0].Name, prefix)
			if !ok {
				continue
			}
			value := strconv.Itoa(iota)
			if len(spec.Values) == 1 {
				value = literal(spec.Values[0], value)
			}
			name = regexp.MustCompile("([a-z])([A-Z])").ReplaceAllString(name, "${1}_$2")
			found[strings.ToUpper(name)] = value
		}
	}
	require.NotEmpty(t, found)
	return found
}

// literal returns a number as it is written, or what iota is for another
// expression.
func literal(value ast.Expr, iota string) string {
	switch value := value.(type) {
	case *ast.BasicLit:
		return value.Value
	case *ast.UnaryExpr:
		return value.Op.String() + literal(value.X, iota)
	}
	return iota
}

// headerConstants returns the numbers that the header defines with the prefix.
func headerConstants(t *testing.T, prefix string) map[string]string {
	t.Helper()
	found := map[string]string{}
	define := regexp.MustCompile(`(?m)^#define LIBSOCKET_` + prefix + `(\w+) \(?(-?\d+)\)?`)
	for _, match := range define.FindAllStringSubmatch(treeFile(t, "include/libsocket.h"), -1) {
		found[match[1]] = match[2]
	}
	return found
}

// The header and this package give the same names the same numbers.
func TestHeaderHasTheNumbersOfThisPackage(t *testing.T) {
	require.Equal(t, constants(t, "event.go", "Event"), headerConstants(t, "EVENT_"))
	require.Equal(t, constants(t, "event.go", "Reason"), headerConstants(t, "REASON_"))
	codes := constants(t, "errors.go", "Code")
	require.Equal(t, "0", codes["OK"])
	delete(codes, "OK") // LIBSOCKET_OK is no error
	require.Equal(t, codes, headerConstants(t, "E_"))
}

// errorKinds are all kinds of error, by the name of their code in C.
func errorKinds(t *testing.T) map[string]*errorKind {
	kinds := map[string]*errorKind{}
	byCode := map[string]string{}
	for name, value := range constants(t, "errors.go", "Code") {
		byCode[value] = name
	}
	for _, err := range []error{
		ErrInvalid, ErrSettings, ErrClosed, ErrNotConnected, ErrUnknownClient, ErrTimeout, ErrTooLarge, ErrBadMessage,
		ErrMaxConnections, ErrInUse, ErrNoPort, ErrNotAllowed, ErrNoServer, ErrProtocol, ErrSlow, ErrIO,
	} {
		kind := err.(*errorKind)
		kinds[byCode[strconv.Itoa(int(kind.code))]] = kind
	}
	return kinds
}

// The version of the library is that of the header.
func TestVersion(t *testing.T) {
	require.Contains(t, treeFile(t, "include/libsocket.h"), fmt.Sprintf("#define LIBSOCKET_VERSION %q\n", Version))
}

// libsocket_strerror has a sentence for every status, and where Go has one
// for it, that one.
func TestStatusSentences(t *testing.T) {
	sentences := map[string]string{}
	entry := regexp.MustCompile(`\[-LIBSOCKET_E_(\w+)\] = "(.*)"`)
	for _, match := range entry.FindAllStringSubmatch(treeFile(t, "capi/status.c"), -1) {
		sentences[match[1]] = match[2]
	}
	for name := range headerConstants(t, "E_") {
		require.NotEmpty(t, sentences[name], name)
	}
	for name, kind := range errorKinds(t) {
		require.Equal(t, kind.text, sentences[name], name)
	}
}

// The architecture page lists every event and every status, with its name in
// Go where it has one.
func TestArchitecturePageLists(t *testing.T) {
	events := map[string]bool{}
	for _, row := range pageTable(t, "docs/architecture.md", "### Events") {
		events[inCode(row[0])[0]] = true
	}
	require.Equal(t, slices.Sorted(maps.Keys(constants(t, "event.go", "Event"))), slices.Sorted(maps.Keys(events)))

	statuses := map[string]string{}
	for _, row := range pageTable(t, "docs/architecture.md", "### Errors") {
		name := inCode(row[0])[0]
		statuses[name] = row[1]
		kind := errorKinds(t)[name]
		require.Equal(t, kind != nil, row[2] != "", "%s in Go", name)
		if kind != nil {
			goName := "Err" + strings.ReplaceAll(strings.ToLower(name), "_", "")
			require.Equal(t, goName, "Err"+strings.ToLower(strings.TrimPrefix(inCode(row[2])[0], "Err")))
		}
	}
	require.Equal(t, headerConstants(t, "E_"), statuses)
}

// A code block under a comment that names a file is that file.
func TestPagesQuoteFiles(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	quote := regexp.MustCompile("(?s)<!-- quoted from (\\S+) -->\n+```\\w+\n(.*?)```\n")
	count := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, match := range quote.FindAllStringSubmatch(string(text), -1) {
			require.Equal(t, treeFile(t, match[1]), match[2], "%s quotes %s", page, match[1])
			count++
		}
		require.Len(t, quote.FindAll(text, -1), bytes.Count(text, []byte("\n<!-- quoted from")), "a quotation without a block in %s", page)
	}
	require.GreaterOrEqual(t, count, 6, "the quick start of README.md")
}

// The settings that README.md shows load, without a warning.
func TestReadmeSettings(t *testing.T) {
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(treeFile(t, "README.md"), -1)
	require.Len(t, examples, 1)
	path := writeSettings(t, examples[0][1])
	checkExample(t, examples[0][1], []string{"XDG_RUNTIME_DIR=/run/user/1000", "SOCKET_SETTINGS_FILE=" + path})
}

// The tests that the pages name exist.
func TestPagesNameTests(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var tests strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		tests.Write(text)
	}
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, name := range inCode(string(text)) {
			if regexp.MustCompile(`^Test[A-Z]\w+$`).MatchString(name) {
				require.Contains(t, tests.String(), "func "+name+"(", page)
			}
		}
	}
}
