package unicast

import (
	"errors"
	"strings"
	"testing"
)

func TestPeersAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]struct {
		printed string
		private bool
	}{
		"a.example.org:9696":   {"a.example.org:9696", false},
		"localhost:1":          {"localhost:1", false},
		"db_1.example.:65535":  {"db_1.example.:65535", false},
		"192.0.2.1:9696":       {"192.0.2.1:9696", false},
		"10.1.2.3:9696":        {"10.1.2.3:9696", true},
		"127.0.0.1:9696":       {"127.0.0.1:9696", true},
		"100.64.0.1:9696":      {"100.64.0.1:9696", false},
		"[2001:DB8:0::1]:9696": {"[2001:db8::1]:9696", false},
		"[fd00::1]:9696":       {"[fd00::1]:9696", true},
		"[::1]:9696":           {"[::1]:9696", true},
		"[fe80::1%eth0]:9696":  {"[fe80::1%eth0]:9696", false},
	} {
		p, err := ParsePeer(text)
		if err != nil || p.String() != want.printed || p.IsPrivate() != want.private {
			t.Errorf("%s: %v, %s, private %t", text, err, p, p.IsPrivate())
		}
	}
}

func TestPeersThatAreNone(t *testing.T) {
	for text, want := range map[string]error{
		"":                                   ErrPeer,
		"a.example.org":                      ErrPeer,
		":9696":                              ErrPeer,
		"a.example.org:0":                    ErrPeer,
		"a.example.org:65536":                ErrPeer,
		"a.example.org:+1":                   ErrPeer,
		"a.example.org:http":                 ErrPeer,
		"2001:db8::1:9696":                   ErrPeer,
		"10.0.0.256:9696":                    ErrPeer,
		"10.0.0:9696":                        ErrPeer,
		"a..example:9696":                    ErrPeer,
		"-a.example:9696":                    ErrPeer,
		"a b:9696":                           ErrPeer,
		"é.example:9696":                     ErrPeer,
		strings.Repeat("a", 64) + ":9696":    ErrPeer,
		strings.Repeat("a.", 127) + "a:9696": ErrPeer,
		"[::ffff:10.0.0.1]:9696":             ErrPeerMapped,
		"0.0.0.0:9696":                       ErrPeerCast,
		"[::]:9696":                          ErrPeerCast,
		"224.0.42.5:9696":                    ErrPeerCast,
		"255.255.255.255:9696":               ErrPeerCast,
	} {
		if p, err := ParsePeer(text); !errors.Is(err, want) {
			t.Errorf("%q: %s, %v, want %v", text, p, err, want)
		}
	}
}
