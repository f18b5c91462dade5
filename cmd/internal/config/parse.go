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
func Parse(name string, text []byte) (*Config, error) { return parseOver(name, text, nil) }

// parseOver is Parse with variables of the environment over the file.
func parseOver(name string, text []byte, environ []string) (*Config, error) {
	p := parser{config: Default(), refused: map[string]bool{}}
	p.config.source.file = name
	d := readWhole(text)
	for _, e := range d.errors {
		p.fail(e.Line, e.Key, errors.New(e.Message))
	}
	p.readTables(d.root)
	for _, again := range d.again {
		p.readAgain(again)
	}
	p.readEnvironment(environ)
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

// parser is the state of one parseOver.
type parser struct {
	config  *Config
	errors  Errors
	refused map[string]bool // keys whose value was not taken
}

// fail notes what is wrong with a key, in a line of the file or, if that is 0, where the
// key is set.
func (p *parser) fail(line int, key string, err error) {
	place := p.config.source.file
	if line == 0 {
		place, line = p.config.source.place(key)
	}
	p.failAt(place, line, key, err)
}

func (p *parser) failAt(place string, line int, key string, err error) {
	p.errors = append(p.errors, newError(place, line, key, err))
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
				p.fail(0, name, fmt.Errorf("must be empty, or %s.%s", t.name, k.name))
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
		p.config.source.set(name, origin{line: e.line})
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
	for _, r := range slices.Concat(rules, httpsRules, p.config.LiveSync.rules()) {
		if !slices.ContainsFunc(r.keys, func(k string) bool { return p.refused[k] }) && !r.holds(p.config) {
			place, line := p.config.source.place(r.keys...)
			p.failAt(place, line, r.keys[0], errors.New(r.message))
		}
	}
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
