package bench

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/tracker/bep15"
)

// TestAttackBesideALoad has an attack of which a tracker answers every fourth
// datagram with ten bytes.
func TestAttackBesideALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := DefaultOptions()
		o.URL, o.Mix, o.Sources, o.Rate, o.Attack, o.Duration = "udp://127.0.0.1:1", Mix{Announce: 1}, 4, 100, 1600, time.Second
		b, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		load := &memLink{latency: time.Millisecond, answer: udpTracker(good), started: time.Now()}
		bytesSent, sent := 0, 0
		attack := &memLink{latency: time.Millisecond, started: time.Now(), answer: func(i int, packet []byte) []delivery {
			bytesSent += len(packet)
			if sent++; sent%4 == 0 {
				return []delivery{{data: make([]byte, 10)}}
			}
			return nil
		}}
		r, err := b.run(t.Context(), route{sources: o.Sources}, func(r route, sockets int) (link, error) {
			l := map[bool]*memLink{false: load, true: attack}[r.attack]
			l.opened = make([]bool, sockets)
			return l, nil
		})
		if want := (counts{sent: 100, good: 100}); err != nil || countsOf(r) != want {
			t.Fatalf("got %+v, %v, want %+v", countsOf(r), err, want)
		}
		want := Attack{Rate: 1600, Sent: 1584, SentBytes: uint64(bytesSent), Answers: 396, AnswerBytes: 3960} // whole groups
		if r.Attack == nil || *r.Attack != want || sent != 1584 {
			t.Errorf("got %+v, want %+v", r.Attack, want)
		}
		if !load.closed || !attack.closed {
			t.Error("a link is left open")
		}
	})
}

func TestAttackHasAddressesOfItsOwn(t *testing.T) {
	to := netip.MustParseAddrPort("127.0.0.1:1")
	load, attack := route{remote: to, sources: 300}, route{remote: to, sources: 300, attack: true}
	if a, b := load.local(5), attack.local(5); a.IsValid() && a == b {
		t.Errorf("both come from %v", a)
	}
}

func TestAttackIsOverUDP(t *testing.T) {
	o := DefaultOptions()
	o.URL, o.Attack = "http://127.0.0.1:1/announce", 1
	if _, err := New(o); err == nil {
		t.Error("is accepted over HTTP")
	}
}

// TestNonsense looks for all kinds of datagrams, none of which is one that a
// tracker has to answer without a connection id.
func TestNonsense(t *testing.T) {
	const datagrams = 20_000
	kinds := map[string]int{}
	for k := range uint64(datagrams) {
		p := appendNonsense(nil, 1, k)
		if len(p) == 0 || len(p) > attackSize || !bytes.Equal(p, appendNonsense(nil, 1, k)) {
			t.Fatalf("datagram %d is %x", k, p)
		}
		if _, err := bep15.ParseConnectRequest(p); err == nil {
			t.Fatalf("datagram %d is a connect request", k)
		}
		header, err := bep15.ParseRequestHeader(p)
		switch {
		case err != nil:
			kinds["short"]++
		case header.ConnectionID == bep15.Magic^1<<56:
			kinds["magic"]++
		case header.Action == bep15.ActionAnnounce && len(p) == bep15.AnnounceRequestSize:
			kinds["announce"]++
		case header.Action == bep15.ActionScrape:
			kinds["scrape"]++
		case len(p) > 98:
			kinds["random"]++
		default:
			kinds["cut off"]++
		}
	}
	for _, kind := range []string{"short", "magic", "announce", "scrape", "random", "cut off"} {
		if n := kinds[kind]; n < datagrams/100 {
			t.Errorf("%d of %d are of the kind %s", n, datagrams, kind)
		}
	}
}
