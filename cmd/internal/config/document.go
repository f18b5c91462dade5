package config

import (
	"errors"

	"github.com/BurntSushi/toml"
)

// entry is what the file has under one name.
type entry struct {
	value any
	line  int              // counted from 1
	table map[string]entry // nil if value is no table
}

// readDocument returns the file's top level.
func readDocument(text []byte) (map[string]entry, error) {
	var root map[string]toml.Primitive
	meta, err := toml.Decode(string(text), &root)
	if err != nil {
		return nil, err
	}
	return readTable(&meta, root), nil
}

func readTable(meta *toml.MetaData, table map[string]toml.Primitive) map[string]entry {
	entries := make(map[string]entry, len(table))
	for name, value := range table {
		entries[name] = readEntry(meta, value)
	}
	return entries
}

func readEntry(meta *toml.MetaData, value toml.Primitive) entry {
	var s spy
	e := entry{line: s.look(meta, value), value: s.value}
	if _, ok := s.value.(map[string]any); !ok {
		return e
	}
	var table map[string]toml.Primitive
	_ = meta.PrimitiveDecode(value, &table) // a table decodes to a map
	e.table = readTable(meta, table)
	if e.line == 0 { // [a.b] implies a, which has no line of its own
		e.line = firstLine(e.table)
	}
	return e
}

func firstLine(table map[string]entry) int {
	first := 0
	for _, e := range table {
		if first == 0 || e.line < first {
			first = e.line
		}
	}
	return first
}

// spy finds out a value's line, which toml tells only in an error.
type spy struct{ value any }

var errSpy = errors.New("value refused to learn its line")

// UnmarshalTOML keeps the value and refuses it.
func (s *spy) UnmarshalTOML(value any) error {
	s.value = value
	return errSpy
}

// look keeps the value and returns its line, 0 for an implied table.
func (s *spy) look(meta *toml.MetaData, value toml.Primitive) int {
	var refusal toml.ParseError
	if errors.As(meta.PrimitiveDecode(value, s), &refusal) {
		return refusal.Position.Line
	}
	return 0
}

// syntaxError turns what readDocument returns into an Error.
func syntaxError(err error) Error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return Error{Line: syntax.Position.Line, Message: syntax.Message}
	}
	return Error{Message: err.Error()}
}
