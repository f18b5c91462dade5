package main

import (
	"strings"
	"testing"

	"keeptrack/tracker"
)

// TestAllowedNetworks takes in what is listed, or all that is private.
func TestAllowedNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		keys   settings
		v4, v6 bool
	}{
		"none":       {settings{}, false, false},
		"others":     {settings{"tracker.allow_networks": `["10.0.0.0/8", "200::/7"]`}, false, false},
		"IPv4":       {settings{"tracker.allow_networks": `["127.0.0.1"]`}, true, false},
		"both":       {settings{"tracker.allow_networks": `["127.0.0.0/8", "::/0"]`}, true, true},
		"old key":    {settings{"tracker.allow_private_addresses": "true"}, true, true},
		"old and it": {settings{"tracker.allow_private_addresses": "true", "tracker.allow_networks": `["10.0.0.0/8"]`}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, testSettings(t.TempDir()).with(settings{"tracker.allow_private_addresses": "false"}).with(c.keys))
			for via, url := range d.urls() {
				stored, want := uint64(0), c.v4
				if strings.HasSuffix(via, "IPv6") {
					want = c.v6
				}
				if want {
					stored = 1
				}
				if r := announceTo(t, url, hashOf(via), 6881, 1, tracker.EventStarted); r.Leechers != stored {
					t.Errorf("%s: %+v", via, r)
				}
			}
		})
	}
}
