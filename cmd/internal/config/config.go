// Package config reads keeptrack's TOML file into a Config.
//
// Every key is declared once, in the keys method of its table (log.go,
// tracker.go, …) with its default, its range and its comment. Parsing, the
// commented example, the printed effective config, the suggestions for unknown
// keys and the comparison of two configs all walk those declarations.
package config

import (
	"fmt"
	"os"
)

// Config is everything an operator can set, one field a table of the file. All
// values are within their documented ranges and fit together. Whoever receives
// a Config may keep it and must not change it.
type Config struct {
	Process  Process
	Log      Log
	Tracker  Tracker
	UDP      UDP
	HTTP     HTTP
	HTTPS    HTTPS
	Admin    Admin
	Access   Access
	Store    Store
	LiveSync LiveSync

	source source
}

// Default returns the config of an empty file.
func Default() *Config {
	c := new(Config)
	for _, t := range c.tables() {
		for _, k := range t.keys {
			k.reset()
		}
	}
	return c
}

// Load reads and validates the file at path, or what comes through a pipe there,
// for whose writer it waits; without a path, there is none. Variables of the
// environment, each NAME=VALUE, take precedence over the file. What is wrong is
// returned as Errors, all of it at once.
func Load(path string, environ []string) (*Config, error) { return load(path, environ, os.ReadFile) }

// Reload is Load for a daemon that serves: it refuses a pipe, whose writer it would have
// to wait for.
func Reload(path string, environ []string) (*Config, error) { return load(path, environ, readFile) }

func load(path string, environ []string, read func(path string) ([]byte, error)) (*Config, error) {
	if path == "" {
		return parseOver("", nil, environ)
	}
	text, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	return parseOver(path, text, environ)
}

// tables returns the declarations of all keys, bound to the fields of c, in
// the order of the example.
func (c *Config) tables() []table {
	return []table{
		{"process", "The process itself.", c.Process.keys()},
		{"log", "What is written to standard error.", c.Log.keys()},
		{"tracker", "What clients are told and how long they are remembered.", c.Tracker.keys()},
		{"udp", "Announces and scrapes over UDP (BEP 15).", c.UDP.keys()},
		{"http", "Announces and scrapes over HTTP (BEP 3).", c.HTTP.keys()},
		{"https", "Announces and scrapes over HTTPS, with HTTP/1.1 and HTTP/2.", c.HTTPS.keys()},
		{"admin", "The operator's HTTP: page, API, health and metrics.", c.Admin.keys()},
		{"access", "Which torrents are served.", c.Access.keys()},
		{"store", "Where counts are kept over a restart.", c.Store.keys()},
		{"livesync", "Peers and counts shared with other instances.", c.LiveSync.keys()},
	}
}
