package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"
)

// Parse reads and validates the text of a config file; name is the file's name
// in errors. What the text does not set has its default. What is wrong is
// returned as Errors, all of it at once.
func Parse(name string, text []byte) (*Config, error) {
	p := parser{name: name, config: Default(), lines: map[string]int{}, refused: map[string]bool{}}
	d := readWhole(text)
	for _, e := range d.errors {
		p.fail(e.Line, e.Key, errors.New(e.Message))
	}
	p.readTables(d.root)
	for _, again := range d.again {
		p.readAgain(again)
	}
	p.checkSecrets()
	if !d.partial {
		p.checkRules()
	}
	if p.errors == nil {
		return p.config, nil
	}
	slices.SortStableFunc(p.errors, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return nil, p.errors
}

// parser is the state of one Parse.
type parser struct {
	name    string // of the file
	config  *Config
	errors  Errors
	lines   map[string]int  // of the keys that the file sets
	refused map[string]bool // keys whose value was not taken
}

func (p *parser) fail(line int, key string, err error) {
	p.errors = append(p.errors, newError(p.name, line, key, err))
	p.refused[key] = true
}

// readAgain looks at a table that the file has once more, whose keys are no less
// wrong for it.
func (p *parser) readAgain(again repeated) {
	tables := p.config.tables()
	for _, t := range tables {
		if t.name == again.name {
			p.readKeys(tables, t, again.table)
		}
	}
}

// checkSecrets refuses a secret that is set and read from a file.
func (p *parser) checkSecrets() {
	for _, t := range p.config.tables() {
		for _, k := range t.keys {
			if name := t.name + "." + k.fileKey; k.fromFile() != "" && k.value() != "" {
				p.fail(p.lines[name], name, fmt.Errorf("must be empty, or %s.%s", t.name, k.name))
			}
		}
	}
}

// readTables takes over what the file sets and refuses what is unknown.
func (p *parser) readTables(root map[string]entry) {
	tables := p.config.tables()
	for _, t := range tables {
		e, ok := root[t.name]
		delete(root, t.name)
		switch {
		case !ok:
		case e.table == nil:
			p.fail(e.line, t.name, wrong("a table: ["+t.name+"] on a line of its own", e.value))
		default:
			p.readKeys(tables, t, e.table)
		}
	}
	for name, e := range root {
		suggestion := suggestTable(tables, name)
		if e.table == nil {
			suggestion = suggestKey(tables, "", name)
		}
		p.fail(e.line, toml.Key{name}.String(), unknown(e, suggestion))
	}
}

func (p *parser) readKeys(tables []table, t table, entries map[string]entry) {
	for _, k := range t.keys {
		e, ok := entries[k.name]
		if !ok {
			continue
		}
		delete(entries, k.name)
		name := t.name + "." + k.name
		p.lines[name] = e.line
		if err := k.read(e.value); err != nil {
			p.fail(e.line, name, err)
		}
	}
	for name, e := range entries {
		p.fail(e.line, toml.Key{t.name, name}.String(), unknown(e, suggestKey(tables, t.name, name)))
	}
}

// checkRules checks what keys must be together, leaving out rules on keys that
// were refused already.
func (p *parser) checkRules() {
	for _, r := range slices.Concat(rules, p.config.LiveSync.rules()) {
		if !slices.ContainsFunc(r.keys, func(k string) bool { return p.refused[k] }) && !r.holds(p.config) {
			p.fail(p.line(r.keys), r.keys[0], errors.New(r.message))
		}
	}
}

// line returns the line of the first of the keys that the file sets.
func (p *parser) line(keys []string) int {
	for _, k := range keys {
		if line, ok := p.lines[k]; ok {
			return line
		}
	}
	return 0
}

// unknown is the error for a name that no table or key has.
func unknown(e entry, suggestion string) error {
	message := "unknown key"
	if e.table != nil {
		message = "unknown table"
	}
	if suggestion != "" {
		message += ", did you mean " + suggestion + "?"
	}
	return errors.New(message)
}
