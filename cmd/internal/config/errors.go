package config

import (
	"fmt"
	"strings"

	"keeptrack/cmd/internal/printable"
)

// Error is one thing wrong in a config file.
type Error struct {
	File string
	// Line is counted from 1; 0 means that no line is at fault.
	Line int
	// Key is table.key, printable, empty if no key is at fault.
	Key string
	// Message says what is wrong, on one line, printable and without the above.
	Message string
}

// Error returns "FILE:LINE: table.key: message".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	return b.String() + ": " + e.Message
}

// newError returns an Error whose texts may be of the file.
func newError(file string, line int, key string, err error) Error {
	return Error{File: file, Line: line, Key: printable.Text(key), Message: printable.Text(err.Error())}
}

// Errors is everything wrong in a config file, in the order of its lines. It
// is never empty.
type Errors []Error

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}
