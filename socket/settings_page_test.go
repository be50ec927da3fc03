package socket

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var updatePage = flag.Bool("update", false, "write the key tables of docs/settings.md")

const settingsPage = "../docs/settings.md"

// keyTables are the parts of the page that come from settingsTable.
var keyTables = regexp.MustCompile(`(?s)(<!-- keys of (\w+) -->\n).*?(<!-- end -->\n)`)

func TestSettingsPage(t *testing.T) {
	page := readPage(t)
	if n := len(keyTables.FindAllString(page, -1)); n != 3 {
		t.Fatalf("%d key tables in %s, want those of socket, unix and tcp", n, settingsPage)
	}
	want := keyTables.ReplaceAllStringFunc(page, func(part string) string {
		m := keyTables.FindStringSubmatch(part)
		return m[1] + keyTable(m[2]) + m[3]
	})
	if want == page {
		return
	}
	if !*updatePage {
		t.Fatalf("%s does not show the keys as they are: go test ./socket -run TestSettingsPage -update", settingsPage)
	}
	if err := os.WriteFile(settingsPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(settingsPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func keyTable(table string) string {
	var rows strings.Builder
	rows.WriteString("\n| key | type | unit | default | bound | environment | meaning |\n|---|---|---|---|---|---|---|\n")
	for _, k := range settingsTable {
		if k.table != table {
			continue
		}
		typ, unit, bound := k.kind.describe()
		fmt.Fprintf(&rows, "| `%s` | %s | %s | `%s` | %s | `%s` | %s |\n",
			k.key, typ, unit, showValue(k.value(DefaultSettings())), bound, k.environment(), k.meaning)
	}
	rows.WriteString("\n")
	return rows.String()
}

// What the page shows as an example loads, without a warning.
func TestSettingsPageExamples(t *testing.T) {
	page := readPage(t)
	environ := []string{"HOME=/home/u", "XDG_RUNTIME_DIR=/run/user/1000"}
	toml := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(page, -1)
	variables := regexp.MustCompile(`(?m)^export (\w+)='?(.*?)'?$`).FindAllStringSubmatch(page, -1)
	if len(toml) < 2 || len(variables) < 3 {
		t.Fatalf("%d TOML examples and %d variables: too few", len(toml), len(variables))
	}
	for _, example := range toml {
		path := writeSettings(t, example[1])
		checkExample(t, example[1], append(environ, "SOCKET_SETTINGS_FILE="+path))
	}
	for _, v := range variables {
		if v[1] != "SOCKET_SETTINGS_FILE" {
			checkExample(t, v[0], append(environ, v[1]+"="+v[2]))
		}
	}
}

func checkExample(t *testing.T, example string, environ []string) {
	t.Helper()
	s, err := LoadSettingsEnviron("", "", environ)
	switch {
	case err != nil:
		t.Errorf("%s\n%v", example, err)
	case len(s.Warnings) > 0:
		t.Errorf("%s\n%q", example, s.Warnings)
	case len(environ) > 0 && fmt.Sprint(s.Map()) == fmt.Sprint(DefaultSettings().Map()):
		t.Errorf("%s\nchanges nothing", example)
	}
}

// The messages that the page quotes are those that users see.
func TestSettingsPageMistakes(t *testing.T) {
	_, quoted, _ := strings.Cut(readPage(t), "## Mistakes")
	quoted = strings.Split(quoted, "```")[1]
	path := writeSettings(t, "\n\n[socket]\nunix.max_connections = 0")
	var messages strings.Builder
	for _, bad := range []struct{ variable, overrides string }{
		{"SOCKET_SETTINGS_FILE=" + path, ""},
		{"SOCKET__UNIX__MAX_CONNECTIONS=x", ""},
		{"", "max_connections = 0"},
		{"SOCKET__TCP__PORT_RANGE_START=9500", ""},
	} {
		_, err := LoadSettingsEnviron(Unix, bad.overrides, []string{bad.variable})
		fmt.Fprintln(&messages, err)
	}
	want := strings.ReplaceAll(messages.String(), path, "/home/u/.config/socket/settings.toml")
	if got := strings.TrimPrefix(quoted, "\n"); got != want {
		t.Errorf("the page quotes\n%swant\n%s", got, want)
	}
}
