package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keeptrack/cmd/internal/suggest"
)

// variablePrefix is what the names of the environment's variables begin with that set
// keys.
const variablePrefix = "KEEPTRACK_"

// Variable returns the name of the environment variable that sets a key, given as
// table.key: KEEPTRACK_TABLE_KEY.
func Variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.Replace(key, ".", "_", 1))
}

// serviceAddress is what Kubernetes gives variables such as KEEPTRACK_LIVESYNC_PORT, for
// a service called keeptrack-livesync. No key has such a value.
var serviceAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)

// serviceName is how the names of the variables end that Kubernetes sets for a service.
var serviceName = regexp.MustCompile(`_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)$`)

// readEnvironment takes over what the variables set, each NAME=VALUE, over what the file
// sets. An empty variable is as one that is not set.
func (p *parser) readEnvironment(environ []string) {
	values := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if value != "" && strings.HasPrefix(name, variablePrefix) {
			values[name] = value
		}
	}
	tables := p.config.tables()
	for _, t := range tables {
		for _, k := range t.keys {
			name := t.name + "." + k.name
			value, ok := values[Variable(name)]
			delete(values, Variable(name))
			switch {
			case !ok:
			case serviceAddress.MatchString(value):
				p.config.source.passOver(Variable(name) + ": looks like what Kubernetes sets for a service, and is not used: enableServiceLinks turns that off")
			default:
				p.readVariable(t, k, value)
			}
		}
	}
	for _, w := range unusedVariables(tables, values) {
		p.config.source.passOver(w)
	}
}

// readVariable sets a key to what a variable has. A secret takes the place of its file,
// and the other way round.
func (p *parser) readVariable(t table, k key, value string) {
	name := t.name + "." + k.name
	p.config.source.set(name, origin{variable: Variable(name)})
	err := errNotUTF8
	if utf8.ValidString(value) {
		err = k.read(valueOf(k, value))
	}
	if err != nil {
		p.fail(0, name, err)
	}
	for _, other := range t.keys {
		isPair := k.fileKey == other.name || other.fileKey == k.name
		if from := p.config.source.keys[t.name+"."+other.name]; isPair && from.line > 0 {
			other.reset()
			delete(p.config.source.keys, t.name+"."+other.name)
		}
	}
}

// valueOf returns the TOML value that a variable's text stands for: as in the file, but
// without quotation marks; the entries of a list are separated by commas. [] is the empty
// list and "" the empty string. Text that is no such value is left for the key to refuse.
func valueOf(k key, s string) any {
	switch k.value().(type) {
	case []any:
		if s == "[]" {
			return []any{}
		}
		var list []any
		for entry := range strings.SplitSeq(s, ",") {
			list = append(list, strings.TrimSpace(entry))
		}
		return list
	case int64:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	case float64:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case bool:
		if b, ok := map[string]bool{"true": true, "false": false}[s]; ok {
			return b
		}
	}
	if s == `""` {
		return ""
	}
	return s
}

var errNotUTF8 = errors.New("must be UTF-8")

// unusedVariables returns warnings of variables that are no keys: a line for each that
// may be misspelt, and one for all others. Kubernetes sets many such for a service called
// keeptrack.
func unusedVariables(tables []table, values map[string]string) (warnings []string) {
	var others []string
	for name := range values {
		s := suggest.For(strings.TrimPrefix(name, variablePrefix))
		for _, t := range tables {
			for _, k := range t.keys {
				s.Offer(t.name+"_"+k.name, 0, Variable(t.name+"."+k.name))
			}
		}
		if s.Label() == "" || serviceName.MatchString(name) {
			others = append(others, name)
			continue
		}
		warnings = append(warnings, fmt.Sprintf("%s: unknown and not used, did you mean %s?", name, s.Label()))
	}
	slices.Sort(warnings)
	slices.Sort(others)
	if len(others) > 0 {
		warnings = append(warnings, strings.Join(others, ", ")+": unknown and not used")
	}
	return warnings
}

// EnvironmentWarnings returns a line for variables that look like keys and are not used.
func (c *Config) EnvironmentWarnings() []string { return c.source.ignored }
