package socket

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// JSONToMsgpack turns JSON text into one MessagePack value. Objects keep the
// order of their keys. A number without fraction and exponent becomes an
// integer and must fit 64 bits, any other becomes a float. The error is
// ErrBadMessage and names the offset in the text.
func JSONToMsgpack(text []byte) ([]byte, error) {
	// Syntax is encoding/json's business; it lets text pass that is not UTF-8.
	if !json.Valid(text) {
		return nil, jsonSyntaxError(text)
	}
	if uint64(len(text)) > math.MaxUint32 {
		return nil, fail(ErrTooLarge, "JSON of %d bytes is too large", len(text))
	}
	c := jsonConverter{text: text, counts: countJSON(text), dst: make([]byte, 0, len(text))}
	if err := c.value(maxDataDepth); err != nil {
		return nil, err
	}
	return c.dst, nil
}

// jsonSyntaxError says what encoding/json has against the text.
func jsonSyntaxError(text []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(text, &raw)
	offset := 0
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(int(syntax.Offset)-1, 0) // it counts the byte it stopped at
	}
	return jsonFault(offset, err.Error())
}

func jsonFault(offset int, what string) error {
	return fail(ErrBadMessage, "malformed JSON: %s at byte %d", what, offset)
}

// countJSON returns how many values each array and object of valid JSON text
// has, keys not counted, in the order in which they start: MessagePack wants
// to know before the first.
func countJSON(text []byte) []int {
	var counts, open []int
	blank := true // nothing but space since the last bracket opened
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case ' ', '\t', '\n', '\r', ':':
			continue
		case ',':
			counts[open[len(open)-1]]++
			continue
		case ']', '}':
			open = open[:len(open)-1]
			blank = false
			continue
		}
		if blank && len(open) > 0 {
			counts[open[len(open)-1]]++
		}
		blank = false
		switch c {
		case '[', '{':
			open = append(open, len(counts))
			counts = append(counts, 0)
			blank = true
		case '"':
			i = endOfString(text, i)
		}
	}
	return counts
}

// endOfString returns the offset of the quote that ends the string at i.
func endOfString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// A jsonConverter walks over JSON text whose syntax has been checked.
type jsonConverter struct {
	text   []byte
	pos    int
	counts []int // of the arrays and objects to come
	dst    []byte
}

// skipSpace also skips the commas and colons between values: they are where
// they belong.
func (c *jsonConverter) skipSpace() byte {
	for ; ; c.pos++ {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\n', '\r', ',', ':':
		default:
			return b
		}
	}
}

func (c *jsonConverter) value(depth int) error {
	switch c.skipSpace() {
	case '{':
		return c.container(appendMapHeader, 2, depth)
	case '[':
		return c.container(appendArrayHeader, 1, depth)
	case '"':
		return c.str()
	case 'n':
		c.literal(0xc0, len("null"))
	case 'f':
		c.literal(0xc2, len("false"))
	case 't':
		c.literal(0xc3, len("true"))
	default:
		return c.number()
	}
	return nil
}

func (c *jsonConverter) literal(value byte, size int) {
	c.dst = append(c.dst, value)
	c.pos += size
}

// container converts an array or object; each is how many values an element
// has: a key and a value, or one.
func (c *jsonConverter) container(header func([]byte, int) []byte, each, depth int) error {
	if depth == 0 {
		return jsonFault(c.pos, "nested too deep")
	}
	n := c.counts[0]
	c.counts = c.counts[1:]
	c.dst = header(c.dst, n)
	c.pos++
	for range n * each {
		if err := c.value(depth - 1); err != nil {
			return err
		}
	}
	c.skipSpace()
	c.pos++ // the bracket
	return nil
}

func (c *jsonConverter) number() error {
	start := c.pos
	isFloat := false
	for ; c.pos < len(c.text); c.pos++ {
		switch b := c.text[c.pos]; {
		case b == '.' || b == 'e' || b == 'E':
			isFloat = true
		case b != '-' && b != '+' && (b < '0' || b > '9'):
			return c.appendNumber(start, isFloat)
		}
	}
	return c.appendNumber(start, isFloat)
}

func (c *jsonConverter) appendNumber(start int, isFloat bool) error {
	digits := string(c.text[start:c.pos])
	if isFloat {
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return jsonFault(start, "number is out of range")
		}
		c.dst = appendFloat(c.dst, f)
		return nil
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		c.dst = appendInt(c.dst, n)
		return nil
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return jsonFault(start, "integer does not fit 64 bits")
	}
	c.dst = appendUint(c.dst, n)
	return nil
}

// str converts a string.
func (c *jsonConverter) str() error {
	start := c.pos + 1
	end := endOfString(c.text, c.pos)
	c.pos = end + 1
	if !bytes.ContainsRune(c.text[start:end], '\\') {
		return c.appendStr(c.text[start:end], start-1)
	}
	unquoted := make([]byte, 0, end-start)
	for i := start; i < end; {
		if c.text[i] != '\\' {
			unquoted = append(unquoted, c.text[i])
			i++
			continue
		}
		r, size := unescape(c.text[i:end])
		if r == utf8.RuneError && size == 0 {
			return jsonFault(i, "half of a surrogate pair")
		}
		unquoted = utf8.AppendRune(unquoted, r)
		i += size
	}
	return c.appendStr(unquoted, start-1)
}

func (c *jsonConverter) appendStr(s []byte, offset int) error {
	if !utf8.Valid(s) {
		return jsonFault(offset, "string is not valid UTF-8")
	}
	c.dst = appendText(c.dst, s)
	return nil
}

// unescape reads the escape that starts s, of \u escapes both halves of a
// pair. size is 0 when a half is alone.
func unescape(s []byte) (r rune, size int) {
	switch s[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r = hexRune(s[2:6])
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
			return utf8.RuneError, 0
		}
		if r = utf16.DecodeRune(r, hexRune(s[8:12])); r == utf8.RuneError {
			return r, 0
		}
		return r, 12
	}
	return rune(s[1]), 2 // quote, backslash, slash
}

func hexRune(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 16)
	return rune(n)
}
