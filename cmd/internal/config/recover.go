package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// document is what can be made of a file's text.
type document struct {
	root   map[string]entry // the top level
	again  []repeated
	errors Errors // what is wrong with the text as TOML: Line and Message
	// partial says that a part of the text was left out because it is no TOML.
	partial bool
}

// repeated is a table that the file has once more than it may.
type repeated struct {
	name  string
	table map[string]entry
}

// mostFaults bounds how often the text is read again.
const mostFaults = 100

// readWhole reads a file's top level. Of what is no TOML it notes the first
// fault, leaves out as little as it can, and reads on: one fault does not hide
// the others.
func readWhole(text []byte) document {
	r := reader{lines: strings.Split(string(text), "\n"), names: map[string]string{}}
	for len(r.doc.errors) < mostFaults {
		root, err := readDocument([]byte(strings.Join(r.lines, "\n")))
		if err == nil {
			r.doc.root = root
			break
		}
		if !r.leaveOut(syntaxError(err)) {
			r.doc.partial = true
			break
		}
	}
	for stand, name := range r.names {
		if e, ok := r.doc.root[stand]; ok {
			r.doc.again = append(r.doc.again, repeated{name, e.table})
			delete(r.doc.root, stand)
		}
	}
	return r.doc
}

// reader reads a text whose faulty lines are emptied one after the other.
type reader struct {
	lines []string
	names map[string]string // of the tables that are there again, by what stands for them
	doc   document
}

var (
	// header is a line that begins a table, with the table's name if it is plain.
	header = regexp.MustCompile(`^\s*\[(?:\s*([A-Za-z0-9_-]+)\s*|[^\[\]]*|\[[^\[\]]*\])\]\s*(?:#.*)?$`)
	// unended is a header whose bracket is missing.
	unended = regexp.MustCompile(`^\s*\[\[?\s*[A-Za-z0-9_.-]+\s*(?:#.*)?$`)
	// assigns is a line that begins with a key and its equals sign.
	assigns = regexp.MustCompile(`^\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*\s*=`)
	// several is what a value over several lines has on its first.
	several = regexp.MustCompile(`\[|"""|'''`)
)

// leaveOut notes a fault and takes it out of the text. It returns false if it does
// not know where the fault is.
func (r *reader) leaveOut(fault Error) bool {
	at := min(fault.Line, len(r.lines)) - 1
	if at < 0 {
		r.doc.errors = append(r.doc.errors, fault)
		return false
	}
	if strings.Contains(fault.Message, "already") {
		r.doc.errors = append(r.doc.errors, fault)
		return r.leaveOutRepeated(at)
	}
	r.doc.partial = true
	from := at
	if line := r.lines[at]; header.MatchString(line) || strings.TrimSpace(line) == "" {
		from = r.beginning(at - 1) // of a value that was not ended
	}
	if !slices.ContainsFunc(r.doc.errors, func(e Error) bool { return e.Line > from && e.Line <= fault.Line }) {
		r.doc.errors = append(r.doc.errors, fault)
	}
	next := header.MatchString // what comes after it in the table may belong to it
	if line := r.lines[from]; assigns.MatchString(line) && !several.MatchString(line) {
		next = func(string) bool { return true }
	}
	return r.empty(from, next)
}

// leaveOutRepeated takes out a key that was set before, or has a table that was
// begun before stand for itself.
func (r *reader) leaveOutRepeated(at int) bool {
	name := header.FindStringSubmatch(r.lines[at])
	switch {
	case name == nil:
		return r.empty(r.beginning(at), func(line string) bool { return header.MatchString(line) || assigns.MatchString(line) })
	case name[1] == "":
		return r.empty(at, header.MatchString)
	}
	stand := fmt.Sprintf("%s, line %d", name[1], at+1)
	r.names[stand] = name[1]
	r.lines[at] = "[\"" + stand + "\"]"
	return true
}

// beginning returns the line on which what is on line at begins: a value may go
// over several.
func (r *reader) beginning(at int) int {
	for ; at > 0; at-- {
		if line := r.lines[at]; header.MatchString(line) || unended.MatchString(line) || assigns.MatchString(line) {
			break
		}
	}
	return max(at, 0)
}

// empty empties the line at and those after it until one at which the next part
// begins. It returns false if all were empty already.
func (r *reader) empty(at int, next func(line string) bool) (done bool) {
	for i := at; i < len(r.lines) && (i == at || !next(r.lines[i])); i++ {
		done = done || r.lines[i] != ""
		r.lines[i] = ""
	}
	return done
}
