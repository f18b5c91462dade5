package config

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"keeptrack/cmd/internal/printable"
)

// hidden is printed for a secret. No secret can be this, so a config that was
// printed and copied is refused rather than run with a known one.
const hidden = "(hidden)"

const exampleHeader = `# keeptrack's configuration: every key with its default.
#
# Durations are written as in Go ("1h30m", "500ms"), sizes with a unit ("8MiB").
# A key that is left out has its default; an unknown key is an error. The
# environment can set each key too, over this file: KEEPTRACK_UDP_WORKERS=2, and
# lists with commas, KEEPTRACK_HTTP_TRUSTED_PROXIES=10.0.0.0/8,192.0.2.7.
# "keeptrack config check FILE" validates a file and prints every value.
# SIGHUP ("systemctl reload keeptrack") puts in force the keys that say so; all
# others need a restart.
`

// Example returns the default config as TOML with a comment on every key.
func Example() []byte {
	var b strings.Builder
	b.WriteString(exampleHeader)
	for _, t := range Default().tables() {
		fmt.Fprintf(&b, "\n# %s\n[%s]\n", t.comment, t.name)
		for i, k := range t.keys {
			if i > 0 {
				b.WriteByte('\n')
			}
			if k.heading != "" {
				b.WriteString(commented(k.heading) + "\n")
			}
			b.WriteString(commented(k.comment) + assignment(k.name, k.value()))
		}
	}
	return []byte(b.String())
}

// commented returns lines of text as a comment.
func commented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return b.String()
}

// String returns the config as TOML, every key set, secrets hidden.
func (c *Config) String() string { return c.WithRemarks(nil) }

// WithRemarks is String with a comment behind some keys, which are given as
// table.key.
func (c *Config) WithRemarks(remarks map[string]string) string {
	return c.print(remarks, func(k key) any {
		v := k.value()
		switch {
		case !k.secret || v == "":
			return v
		case k.fromFile() != "":
			return "" // is not the config's
		}
		return hidden
	})
}

// print returns the config as TOML with the values that show returns.
func (c *Config) print(remarks map[string]string, show func(key) any) string {
	var b strings.Builder
	for i, t := range c.tables() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", t.name)
		for _, k := range t.keys {
			line := assignment(k.name, show(k))
			if remark := remarks[t.name+"."+k.name]; remark != "" {
				line = strings.TrimSuffix(line, "\n") + " # " + printable.Text(remark) + "\n"
			}
			b.WriteString(line)
		}
	}
	return b.String()
}

// assignment returns a line that sets a key.
func assignment(name string, value any) string {
	line, err := toml.Marshal(map[string]any{name: value})
	if err != nil {
		panic(fmt.Sprintf("config: %s cannot be written as TOML: %v", name, err))
	}
	return string(line)
}
