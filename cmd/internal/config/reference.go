package config

import (
	"fmt"
	"strings"
)

// Reference describes every key in Markdown, a section for each table: docs/configure.md
// and the man page keeptrack.toml(5) are made from it.
func Reference() string {
	var b strings.Builder
	for _, t := range Default().tables() {
		fmt.Fprintf(&b, "## [%s]\n\n%s\n\n", t.name, t.comment)
		for _, k := range t.keys {
			if condition, text, found := strings.Cut(k.heading, ": "); found {
				fmt.Fprintf(&b, "### With %s\n\n%s\n\n", condition, strings.ToUpper(text[:1])+text[1:])
			}
			fmt.Fprintf(&b, "### %s.%s\n\n", t.name, k.name)
			fmt.Fprintf(&b, "%s\n\nDefault: `%s`.", k.comment, strings.TrimSpace(strings.TrimPrefix(assignment(k.name, k.value()), k.name+" =")))
			if k.secret {
				b.WriteString(" Secret: never printed.")
			}
			b.WriteString("\n\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
