package trace

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"keeptrack/tracker"
)

var (
	second = time.Unix(1_700_000_000, 0)
	addr1  = netip.MustParseAddr("198.51.100.7")
	addr2  = netip.MustParseAddr("2001:db8::7")
	hash1  = tracker.InfoHash{1}
	hash2  = tracker.InfoHash{2}
)

// report reports a request and returns whether its event was made.
func report(t *Traces, at time.Time, client netip.Addr, hashes ...tracker.InfoHash) (made bool) {
	if a := t.Active(); a != nil {
		a.Report(client, hashes, func() Event {
			made = true
			return Event{Time: at, Client: client.String()}
		})
	}
	return made
}

// TestFilters: who wants to know of a request is told, and others are not.
func TestFilters(t *testing.T) {
	all := &Traces{}
	begin := func(f Filter) *Trace {
		t.Helper()
		tr, err := all.Begin(f)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	if report(all, second, addr1, hash1) || (*Traces)(nil).Active() != nil {
		t.Error("reported to nobody")
	}
	client := begin(Filter{Client: netip.PrefixFrom(addr1, 32)})
	network := begin(Filter{Client: netip.MustParsePrefix("2001:db8::/32")})
	torrent := begin(Filter{Hash: &hash2})
	both := begin(Filter{Client: netip.PrefixFrom(addr1, 32), Hash: &hash2})
	report(all, second, addr1, hash1)
	report(all, second, addr1, hash1, hash2)
	report(all, second, addr2)
	report(all, second, netip.Addr{}, hash2)
	if report(all, second, netip.Addr{}, hash1) {
		t.Error("an event is made that nobody wants")
	}
	for name, c := range map[string]struct {
		t    *Trace
		want int
	}{"client": {client, 2}, "network": {network, 1}, "torrent": {torrent, 2}, "both": {both, 1}} {
		if got := len(c.t.Events()); got != c.want {
			t.Errorf("%s: %d events, want %d", name, got, c.want)
		}
		c.t.End()
		c.t.End()
	}
	if all.Active() != nil {
		t.Error("there are traces after the last has ended")
	}
}

// TestBounds on traces, on events a second, and on those that nobody takes.
func TestBounds(t *testing.T) {
	all := &Traces{}
	if _, err := all.Begin(Filter{}); !errors.Is(err, ErrFilter) {
		t.Errorf("of everything: %v", err)
	}
	f := Filter{Client: netip.PrefixFrom(addr1, 32)}
	var traces []*Trace
	for range MaxTraces {
		tr, err := all.Begin(f)
		if err != nil {
			t.Fatal(err)
		}
		traces = append(traces, tr)
	}
	if _, err := all.Begin(f); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	for range MaxRate + 10 {
		report(all, second, addr1)
	}
	tr := traces[0]
	if got, n := len(tr.Events()), tr.Omitted(); got != MaxRate || n != 10 {
		t.Errorf("%d events and %d omitted in a second", got, n)
	}
	for range MaxRate { // in the next second there is no room
		report(all, second.Add(time.Second), addr1)
	}
	if got, n := len(tr.Events()), tr.Omitted(); got != backlog || n != 2*MaxRate-backlog {
		t.Errorf("%d events wait and %d are omitted", got, n)
	}
	if n := tr.Omitted(); n != 0 {
		t.Errorf("%d omitted since", n)
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		asked  tracker.Announce
		reply  tracker.Reply
		want   Outcome
		reason string
	}{
		{tracker.Announce{}, tracker.Reply{Peers4: make([]byte, 12), Peers6: make([]byte, 18)}, Stored, ""},
		{tracker.Announce{Event: tracker.EventStopped}, tracker.Reply{}, Stopped, ""},
		{tracker.Announce{}, tracker.Reply{Rejected: tracker.RejectedPort}, NotStored, "port_zero"},
		{tracker.Announce{}, tracker.Reply{Rejected: tracker.RejectedCompletions}, Stored, "completions_per_address"},
		{tracker.Announce{Event: tracker.EventStopped}, tracker.Reply{Refused: true}, Refused, "access_list"},
	} {
		var a Announce
		got, reason := a.Answer(&c.asked, &c.reply)
		if got != c.want || reason != c.reason || a.Peers != len(c.reply.Peers4)/6+len(c.reply.Peers6)/18 {
			t.Errorf("%+v, %+v: %s %s, %d peers", c.asked, c.reply, got, reason, a.Peers)
		}
	}
	if got := IDText([]byte("-qB\xff")); got != "-qB\u00ff" {
		t.Errorf("got %q", got)
	}
}
