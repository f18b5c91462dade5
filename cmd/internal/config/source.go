package config

import (
	"cmp"
	"fmt"
	"strings"
)

// origin is where a key's value comes from: a line of the file or a variable.
type origin struct {
	line     int // counted from 1; 0 for a variable
	variable string
}

// source is where a config comes from.
type source struct {
	file    string            // as it was given; empty: none
	keys    map[string]origin // of the keys that are set, as table.key
	ignored []string          // warnings of variables that are not used
}

func (s *source) set(key string, from origin) {
	if s.keys == nil {
		s.keys = map[string]origin{}
	}
	s.keys[key] = from
}

func (s *source) passOver(warning string) { s.ignored = append(s.ignored, warning) }

// place returns where the first of the keys that are set is set: the file and the line, or
// a variable. If none is, it returns the file.
func (s *source) place(keys ...string) (name string, line int) {
	for _, k := range keys {
		if from, ok := s.keys[k]; ok {
			return cmp.Or(from.variable, s.file), from.line
		}
	}
	return s.file, 0
}

// Blame returns text, of lines that begin with table.key and a colon, with the name of the
// file or variable that sets the key in front of each.
func (c *Config) Blame(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(line, ":")
		if name, _ := c.source.place(key); name != "" {
			b.WriteString(name + ": ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// Origins returns for every key, as table.key, where its value comes from: "line 7" of
// the file, a variable's name, or "default".
func (c *Config) Origins() map[string]string {
	all := map[string]string{}
	for _, t := range c.tables() {
		for _, k := range t.keys {
			name := t.name + "." + k.name
			switch from, ok := c.source.keys[name]; {
			case !ok:
				all[name] = "default"
			case from.variable != "":
				all[name] = from.variable
			default:
				all[name] = fmt.Sprintf("line %d", from.line)
			}
		}
	}
	return all
}
