package bench

import (
	"math"
	"testing"

	"keeptrack/tracker"
)

func TestParseMix(t *testing.T) {
	for _, c := range []struct {
		text string
		want Mix
		err  string
	}{
		{"connect=23,announce=75,scrape=2", Mix{23, 75, 2}, ""},
		{"announce=1", Mix{Announce: 1}, ""},
		{"scrape=0.5,announce=1.5", Mix{Announce: 1.5, Scrape: 0.5}, ""},
		{"", Mix{}, `"" is not NAME=SHARE`},
		{"announce", Mix{}, `"announce" is not NAME=SHARE`},
		{"anounce=1", Mix{}, `unknown kind of request "anounce": it must be one of connect, announce, scrape`},
		{"announce=x", Mix{}, `the share of announce is not a number: "x"`},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := ParseMix(c.text)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("got error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if again, err := ParseMix(got.String()); err != nil || again != got {
				t.Errorf("%s reads back as %v, %v", got, again, err)
			}
		})
	}
}

func TestParseEvents(t *testing.T) {
	got, err := ParseEvents("none=9,stopped=1")
	if want := (Events{tracker.EventNone: 9, tracker.EventStopped: 1}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got.String() != "none=9,stopped=1" {
		t.Errorf("written as %s", got)
	}
	if _, err := ParseEvents("resumed=1"); err == nil {
		t.Error("an unknown event is taken")
	}
}

func TestDie(t *testing.T) {
	d := newDie([]float64{1, 0, 2, 1})
	for x, want := range map[uint32]int{
		0: 0, 1<<30 - 1: 0, 1 << 30: 2, 3<<30 - 1: 2, 3 << 30: 3, math.MaxUint32: 3,
	} {
		if got := d.roll(x); got != want {
			t.Errorf("%#x rolls %d, want %d", x, got, want)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no torrents", func(o *Options) { o.Torrents = 0 }, "torrents: 0 is not from 1 to 1073741824"},
		{"no sources", func(o *Options) { o.Sources = -1 }, "sources: -1 is not from 1 to 16384"},
		{"too many peers", func(o *Options) { o.Peers = 65000 }, "peers: 65000 is not from 1 to 64512"},
		{"share above 1", func(o *Options) { o.Seeders = 60 }, "share of seeders: 60 is not from 0 to 1"},
		{"no number", func(o *Options) { o.OldIDs = math.NaN() }, "share of old connection ids: NaN is not from 0 to 1"},
		{"negative rate", func(o *Options) { o.Rate = -1 }, "rate: -1 is not from 0 to 1000000000"},
		{"negative share", func(o *Options) { o.Mix[Scrape] = -1 }, "mix: -1 is not a share"},
		{"no mix", func(o *Options) { o.Mix = Mix{} }, "mix: the shares add up to 0"},
		{"connects over HTTP", func(o *Options) { o.URL, o.Mix = "http://127.0.0.1/announce", Mix{Connect: 1} }, "mix: the shares add up to 0"},
		{"no events", func(o *Options) { o.Events = Events{} }, "events: the shares add up to 0"},
		{"window", func(o *Options) { o.Window = -1 }, "window: -1 is not from 1 to 65536"},
		{"timeout", func(o *Options) { o.Timeout = 0 }, "timeout in seconds: 0 is not from 0.001 to 3600"},
		{"two at once", func(o *Options) { o.Peers, o.Torrents = 0, 0 },
			"torrents: 0 is not from 1 to 1073741824\npeers: 0 is not from 1 to 64512"},
		{"scheme", func(o *Options) { o.URL = "https://127.0.0.1" }, "https://127.0.0.1: the URL of a load starts with udp:// or http://"},
		{"no host", func(o *Options) { o.URL = "http:///announce" }, "http:///announce: no host"},
		{"no port", func(o *Options) { o.URL = "udp://127.0.0.1" }, "udp://127.0.0.1: a udp:// URL needs a port"},
		{"no scrape", func(o *Options) { o.URL = "http://127.0.0.1/x" },
			"http://127.0.0.1/x has no scrape, as its path does not end in /announce: leave scrapes out of the mix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := DefaultOptions()
			o.URL = "udp://127.0.0.1:1"
			c.change(&o)
			if _, err := New(o); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
