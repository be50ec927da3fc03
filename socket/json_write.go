package socket

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
)

// MsgpackToJSON turns one MessagePack value into JSON text. Binary becomes
// base64 text, as a map key too. NaN, infinities and extension types have no
// JSON: they are ErrBadMessage, as is what is malformed.
func MsgpackToJSON(data []byte) ([]byte, error) {
	if err := checkValue(data, maxDataDepth); err != nil {
		return nil, err
	}
	w := jsonWriter{data: data, rest: data, dst: make([]byte, 0, len(data)*2)}
	if err := w.value(); err != nil {
		return nil, err
	}
	return w.dst, nil
}

// A jsonWriter walks over MessagePack that has been checked.
type jsonWriter struct {
	data, rest []byte
	dst        []byte
}

func (w *jsonWriter) value() error {
	if content, isText, rest, ok := splitBytes(w.rest); ok {
		w.rest = rest
		w.str(content, isText)
		return nil
	}
	if n, isMap, rest, ok := splitContainer(w.rest); ok {
		w.rest = rest
		return w.container(n, isMap)
	}
	offset := len(w.data) - len(w.rest)
	value, rest := splitValue(w.rest)
	w.rest = rest
	if bits, negative, ok := readNumber(value); ok {
		if negative {
			w.dst = strconv.AppendInt(w.dst, int64(bits), 10)
		} else {
			w.dst = strconv.AppendUint(w.dst, bits, 10)
		}
		return nil
	}
	if f, ok := readFloat(value); ok {
		return w.float(f, offset)
	}
	switch value[0] {
	case 0xc0:
		w.dst = append(w.dst, "null"...)
	case 0xc2:
		w.dst = append(w.dst, "false"...)
	case 0xc3:
		w.dst = append(w.dst, "true"...)
	default:
		return fail(ErrBadMessage, "extension type at byte %d has no JSON", offset)
	}
	return nil
}

func (w *jsonWriter) container(n int, isMap bool) error {
	open, end := byte('['), byte(']')
	if isMap {
		open, end = '{', '}'
	}
	w.dst = append(w.dst, open)
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if isMap {
			key, isText, rest, _ := splitBytes(w.rest)
			w.rest = rest
			w.str(key, isText)
			w.dst = append(w.dst, ':')
		}
		if err := w.value(); err != nil {
			return err
		}
	}
	w.dst = append(w.dst, end)
	return nil
}

// float writes a number that is a float again when it is read: 1.0, not 1.
func (w *jsonWriter) float(f float64, offset int) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fail(ErrBadMessage, "float %v at byte %d has no JSON", f, offset)
	}
	start := len(w.dst)
	w.dst = strconv.AppendFloat(w.dst, f, 'g', -1, 64)
	if !bytes.ContainsAny(w.dst[start:], ".e") {
		w.dst = append(w.dst, ".0"...)
	}
	return nil
}

func (w *jsonWriter) str(content []byte, isText bool) {
	w.dst = append(w.dst, '"')
	if isText {
		w.escaped(content)
	} else {
		w.dst = base64.StdEncoding.AppendEncode(w.dst, content)
	}
	w.dst = append(w.dst, '"')
}

// escaped writes text with the escapes that JSON demands, and no others.
func (w *jsonWriter) escaped(text []byte) {
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			w.dst = append(w.dst, '\\', c)
		case c == '\n':
			w.dst = append(w.dst, '\\', 'n')
		case c == '\r':
			w.dst = append(w.dst, '\\', 'r')
		case c == '\t':
			w.dst = append(w.dst, '\\', 't')
		case c < 0x20:
			const hex = "0123456789abcdef"
			w.dst = append(w.dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0x0f])
		default:
			w.dst = append(w.dst, c)
		}
	}
}
