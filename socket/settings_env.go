package socket

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// environment is the variables of a process.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := make(environment, len(environ))
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, twice := env[name]; !twice { // as getenv(3): the first counts
			env[name] = value
		}
	}
	return env
}

// settings returns what the variables with the prefix give, in the order of
// their names. The case of what follows the prefix does not matter.
func (env environment) settings(prefix string) []givenSetting {
	var given []givenSetting
	for name, text := range env {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		key, k := settingOfVariable(rest)
		g := givenSetting{
			origin:  settingOrigin{name: name, value: "=" + showValue(text)},
			key:     key,
			setting: k,
			value:   text,
		}
		if g.setting != nil {
			g.value = g.setting.kind.fromText(text)
		}
		given = append(given, g)
	}
	sort.Slice(given, func(i, j int) bool { return given[i].origin.name < given[j].origin.name })
	return given
}

// settingOfVariable finds the key of UNIX__MAX_CONNECTIONS and its setting, nil
// for none.
func settingOfVariable(name string) (string, *setting) {
	path := strings.Split(strings.ToLower(name), "__")
	scope := "socket"
	for depth := 1; len(path) > 1; depth++ {
		table := subtable(scope, path[0], depth)
		if table == "" {
			return path[len(path)-1], nil
		}
		scope, path = table, path[1:]
	}
	return path[0], settingOf(scope, path[0])
}

// envText is text, with or without TOML's quotes.
func envText(s string) any {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	switch s[0] {
	case '\'':
		return s[1 : len(s)-1]
	case '"':
		if unquoted, err := strconv.Unquote(s); err == nil {
			return unquoted
		}
	}
	return s
}

// envScalar is a number.
func envScalar(s string) any {
	trimmed := strings.TrimSpace(s)
	if n, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(trimmed, 64); err == nil {
		return f
	}
	return s
}

// envList is a list with commas, with or without TOML's brackets.
func envList(s string, element func(string) any) any {
	inner := strings.TrimSpace(s)
	if opened, ok := strings.CutPrefix(inner, "["); ok {
		if inner, ok = strings.CutSuffix(opened, "]"); !ok {
			return s
		}
	}
	elements := []any{}
	if strings.TrimSpace(inner) == "" {
		return elements
	}
	for _, text := range strings.Split(inner, ",") {
		elements = append(elements, element(strings.TrimSpace(text)))
	}
	return elements
}

// A settingsFile is a file that may have settings.
type settingsFile struct {
	path  string
	named bool // by SOCKET_SETTINGS_FILE, so it must be there
}

// settingsFiles returns the files to read, in their order.
func (env environment) settingsFiles() []settingsFile {
	var files []settingsFile
	config := env["XDG_CONFIG_HOME"]
	if !filepath.IsAbs(config) { // by the XDG specification to be ignored
		config = ""
		if home := env["HOME"]; home != "" {
			config = filepath.Join(home, ".config")
		}
	}
	if config != "" {
		files = append(files, settingsFile{path: filepath.Join(config, "socket", "settings.toml")})
	}
	if path := env["SOCKET_SETTINGS_FILE"]; path != "" {
		files = append(files, settingsFile{path: path, named: true})
	}
	return files
}

// read returns the text of the file, "" when it need not be there and is not.
func (f settingsFile) read() (string, error) {
	text, err := readLimited(f.path)
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	if err == nil || missing && !f.named {
		return text, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the path is in our own text
	}
	if f.named {
		return "", fail(ErrSettings, "settings file %s, named by SOCKET_SETTINGS_FILE: %w", f.path, err)
	}
	return "", fail(ErrSettings, "settings file %s: %w", f.path, err)
}

// readLimited reads no more than what shows that the file is too large.
func readLimited(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSettingsBytes+1))
	return string(text), err
}

// variableInPath is made when a path has one: few have, and it would be a good
// part of what loading the package costs every program.
var variableInPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$(?:\w+|\{\w+\})?`)
})

// expand replaces a leading ~ and the variables in a path.
func (env environment) expand(path string) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = "$HOME" + path[1:]
	} else if strings.HasPrefix(path, "~") {
		return "", errors.New("must not begin with the ~ of another user")
	}
	if !strings.Contains(path, "$") {
		return path, nil
	}
	var problem error
	expanded := variableInPath().ReplaceAllStringFunc(path, func(variable string) string {
		name := strings.Trim(variable, "${}")
		value := env[name]
		switch {
		case problem != nil || value != "":
		case name == "":
			problem = errors.New("has a $ without the name of a variable")
		default:
			problem = errors.New("$" + printable(name) + " is not set")
		}
		return value
	})
	return expanded, problem
}
