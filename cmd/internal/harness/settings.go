package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings are the keys of a config, "section.key", with their values as TOML has
// them.
type Settings map[string]string

// Loopback returns a config for a daemon on loopback addresses that logs in JSON,
// stores peers of such addresses and lets the system choose the ports.
func Loopback(database string) Settings {
	return Settings{
		"log.format":                      `"json"`,
		"tracker.allow_private_addresses": "true",
		"udp.listen":                      `["127.0.0.1:0"]`,
		"http.listen":                     `["127.0.0.1:0"]`,
		"admin.listen":                    `"127.0.0.1:0"`,
		"store.path":                      fmt.Sprintf("%q", database),
	}
}

// With returns the settings with others added or changed.
func (s Settings) With(more Settings) Settings {
	s = maps.Clone(s)
	maps.Copy(s, more)
	return s
}

// Text returns the config file.
func (s Settings) Text() []byte {
	var text []byte
	section := ""
	for _, key := range slices.Sorted(maps.Keys(s)) {
		head, name, _ := strings.Cut(key, ".")
		if head != section {
			section = head
			text = fmt.Appendf(text, "[%s]\n", section)
		}
		text = fmt.Appendf(text, "%s = %s\n", name, s[key])
	}
	return text
}
