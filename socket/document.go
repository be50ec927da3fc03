package socket

import "math"

// A document is a MessagePack map that tells about a server: in the answer to
// an inspection, and in what the C API hands over. Its keys are said once, as
// a list of fields, from which it is written and read.

// A docField is one key of a document and where its value lives: a *uint64,
// *int64, *int or *string.
type docField struct {
	key string
	at  any
}

// maxDocText is the most bytes of a text in a document that is read: the path
// of a socket in the longest directory there may be.
const maxDocText = 4096 + MaxEventName + len("/.sock")

// appendDocFields appends the keys and values, without a map header.
func appendDocFields(dst []byte, fields []docField) []byte {
	for _, f := range fields {
		dst = appendText(dst, f.key)
		switch at := f.at.(type) {
		case *uint64:
			dst = appendUint(dst, *at)
		case *int64:
			dst = appendInt(dst, *at)
		case *int:
			dst = appendInt(dst, int64(*at))
		case *string:
			dst = appendText(dst, cleanText(*at, maxDocText))
		}
	}
	return dst
}

// readDocField sets the field of a key, and reports whether there is one and
// whether the value was of its type. A key that is not known is fine.
func readDocField(fields []docField, key, value []byte) (known, ok bool) {
	for _, f := range fields {
		if f.key != string(key) {
			continue
		}
		switch at := f.at.(type) {
		case *uint64:
			*at, ok = readUint(value)
		case *int64:
			*at, ok = readInt(value)
		case *int: // a count or a number of the system; -1 is what is not known
			var n int64
			n, ok = readInt(value)
			ok = ok && n >= -1 && n <= math.MaxInt
			*at = int(n)
		case *string:
			*at, ok = readCleanText(value, maxDocText)
		}
		return true, ok
	}
	return false, true
}

// readDoc sets the fields of a document that has been checked. It reports
// whether it is one, and every known key has a value of its type.
func readDoc(fields []docField, doc []byte) bool {
	if !isMap(doc) {
		return false
	}
	for key, value := range mapEntries(doc) {
		if _, ok := readDocField(fields, key, value); !ok {
			return false
		}
	}
	return true
}

// docMap returns the document for an encoder.
func docMap(fields []docField) map[string]any {
	m := make(map[string]any, len(fields))
	for _, f := range fields {
		switch at := f.at.(type) {
		case *uint64:
			m[f.key] = *at
		case *int64:
			m[f.key] = *at
		case *int:
			m[f.key] = *at
		case *string:
			m[f.key] = cleanText(*at, maxDocText)
		}
	}
	return m
}
