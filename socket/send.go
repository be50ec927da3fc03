package socket

import (
	"os"
	"path/filepath"
)

// sendMany sends in order and stops at the first error.
func sendMany(messages []Message, send func(Message) error) (int, error) {
	for i := range messages {
		if err := send(messages[i]); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

// programName is what a client without a name calls itself.
var programName = func() string {
	if len(os.Args) == 0 {
		return ""
	}
	return filepath.Base(os.Args[0])
}()
