package http

import (
	"math"
	"reflect"
	"strconv"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/bencode"
)

// The peers 192.0.2.1:6881 and 198.51.100.2:51413, and [2001:db8::1]:6881.
const (
	compactPeers4 = "\xc0\x00\x02\x01\x1a\xe1\xc6\x33\x64\x02\xc8\xd5"
	compactPeer6  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1"
)

// TestRepliesThatLibtorrentAccepted compares replies with bodies that
// libtorrent was seen to accept, less the keys that those do not have.
func TestRepliesThatLibtorrentAccepted(t *testing.T) {
	client := &tracker.Announce{Peer: tracker.MakePeer(addr1, 6881)}
	counts := tracker.Counts{Seeders: 11, Leechers: 19, Downloaded: 13772}
	scrape := appendScrapeRow([]byte(scrapeStart), &hash1, counts)
	tests := []struct {
		name, accepted string
		ours           []byte
	}{
		{"compact",
			"d8:completei1e10:downloadedi7e10:incompletei2e8:intervali1800e12:min intervali900e5:peers12:" + compactPeers4 + "e",
			appendAnnounce(nil, &tracker.Reply{
				Interval: 1800, MinInterval: 900, Seeders: 1, Leechers: 2, Downloaded: 7, Peers4: []byte(compactPeers4),
			}, client, false)},
		{"dictionaries",
			"d8:completei1e10:incompletei2e8:intervali1800e5:peersl" +
				"d2:ip9:192.0.2.14:porti6881eed2:ip11:2001:db8::14:porti6881eeee",
			appendAnnounce(nil, &tracker.Reply{
				Interval: 1800, Seeders: 1, Leechers: 2, Peers4: []byte(compactPeers4[:6]), Peers6: []byte(compactPeer6),
			}, client, true)},
		{"empty", "d8:intervali1800e5:peers0:e", appendAnnounce(nil, &tracker.Reply{Interval: 1800}, client, false)},
		{"failure", "d14:failure reason21:info_hash not allowede", appendFailure(nil, FailureRefused, 1800)},
		{"scrape",
			"d5:filesd20:" + string(hash1[:]) + "d8:completei11e10:downloadedi13772e10:incompletei19eeee",
			append(scrape, scrapeEnd...)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			accepted, ours := mustDict(t, test.accepted), mustDict(t, string(test.ours))
			prune(ours, accepted)
			if !reflect.DeepEqual(ours, accepted) {
				t.Errorf("got %q, want %q", ours, accepted)
			}
		})
	}
}

// prune takes the keys that model lacks out of d.
func prune(d, model dict) {
	for key, value := range d {
		if _, ok := model[key]; !ok {
			delete(d, key)
		} else if inner, ok := value.(dict); ok {
			prune(inner, model[key].(dict))
		}
	}
}

func TestAppendAnnounce(t *testing.T) {
	largest := tracker.Reply{
		Interval: math.MaxUint32, MinInterval: math.MaxUint32,
		Seeders: math.MaxUint32, Leechers: math.MaxUint32, Downloaded: tracker.MaxDownloaded,
	}
	const u32, i64 = "i4294967295e", "i9223372036854775807e"
	tests := []struct {
		name         string
		reply        tracker.Reply
		client       tracker.Peer
		through      tracker.Rejection
		dictionaries bool
		want         string
	}{
		{"no peers", tracker.Reply{}, tracker.MakePeer(addr1, 1), 0, false,
			"d8:completei0e10:downloadedi0e11:external ip4:\xc0\x00\x02\x0110:incompletei0e8:intervali0e12:min intervali0e5:peers0:e"},
		{"no peers in dictionaries", tracker.Reply{}, tracker.MakePeer(addr1, 1), 0, true,
			"d8:completei0e10:downloadedi0e11:external ip4:\xc0\x00\x02\x0110:incompletei0e8:intervali0e12:min intervali0e5:peerslee"},
		{"largest numbers, to IPv6", largest, tracker.MakePeer(addr6, 1), 0, false,
			"d8:complete" + u32 + "10:downloaded" + i64 + "11:external ip16:" + compactPeer6[:16] +
				"10:incomplete" + u32 + "8:interval" + u32 + "12:min interval" + u32 + "5:peers0:e"},
		{"both families", tracker.Reply{Peers4: []byte(compactPeers4), Peers6: []byte(compactPeer6)}, tracker.MakePeer(addr1, 1), 0, false,
			"d8:completei0e10:downloadedi0e11:external ip4:\xc0\x00\x02\x0110:incompletei0e8:intervali0e12:min intervali0e" +
				"5:peers12:" + compactPeers4 + "6:peers618:" + compactPeer6 + "e"},
		{"not stored", tracker.Reply{Rejected: tracker.RejectedPort, Peers6: []byte(compactPeer6)}, tracker.MakePeer(addr1, 0), 0, false,
			"d8:completei0e10:downloadedi0e11:external ip4:\xc0\x00\x02\x0110:incompletei0e8:intervali0e12:min intervali0e" +
				"5:peers0:6:peers618:" + compactPeer6 + "15:warning message41:no port given: others are not told of youe"},
		{"client that a proxy does not name", tracker.Reply{}, tracker.MakePeer(addr1, 1), tracker.RejectedUnnamed, true,
			"d8:completei0e10:downloadedi0e10:incompletei0e8:intervali0e12:min intervali0e5:peerslee"},
		{"client of a proxy that is not trusted", tracker.Reply{}, tracker.MakePeer(addr1, 1), tracker.RejectedUntrusted, true,
			"d8:completei0e10:downloadedi0e11:external ip4:\xc0\x00\x02\x0110:incompletei0e8:intervali0e12:min intervali0e5:peerslee"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := string(appendAnnounce(nil, &test.reply, &tracker.Announce{Peer: test.client, Through: test.through}, test.dictionaries))
			if got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			mustDict(t, got)
		})
	}
}

// TestWhoIsNotStoredIsWarned holds that each reason for that has a text of its
// own, and nothing else has.
func TestWhoIsNotStoredIsWarned(t *testing.T) {
	texts := map[string]bool{}
	for r := range tracker.Rejection(tracker.RejectionCount) {
		text, stored := warnings[r], r == tracker.NotRejected || r == tracker.RejectedCompletions
		if stored != (text == "") || texts[text] {
			t.Errorf("%v: %q", r, text)
		}
		texts[text] = !stored
	}
}

func TestAppendScrapeRow(t *testing.T) {
	c := tracker.Counts{Seeders: 1, Leechers: 3, Downloaders: 2, Downloaded: math.MaxUint64}
	got := string(appendScrapeRow(nil, &hash1, c))
	want := "20:" + string(hash1[:]) +
		"d8:completei1e10:downloadedi18446744073709551615e11:downloadersi2e10:incompletei3ee"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresAreDistinct(t *testing.T) {
	labels, texts := map[string]bool{}, map[string]bool{}
	for f := FailureNone + 1; f < Failure(FailureCount); f++ {
		if f.String() == "" || labels[f.String()] || f.Text() == "" || texts[f.Text()] {
			t.Errorf("failure %d: label %q, text %q", f, f, f.Text())
		}
		labels[f.String()], texts[f.Text()] = true, true
		want := "d14:failure reason" + strconv.Itoa(len(f.Text())) + ":" + f.Text() + "8:intervali60ee"
		if got := string(appendFailure(nil, f, 60)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	reply := tracker.Reply{Rejected: tracker.RejectedAddress, Interval: 1800, Downloaded: math.MaxUint64, Peers4: []byte(compactPeers4), Peers6: []byte(compactPeer6)}
	client := &tracker.Announce{Peer: tracker.MakePeer(addr6, 1)}
	body := make([]byte, 0, 4096)
	if allocs := testing.AllocsPerRun(100, func() {
		body = appendAnnounce(body[:0], &reply, client, false)
		body = appendAnnounce(body, &reply, client, true)
		body = appendScrapeRow(body, &hash1, tracker.Counts{})
		body = appendFailure(body, FailureRefused, 1800)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// dict is a decoded bencode dictionary. Its values are string, int64, []any
// and dict.
type dict = map[string]any

// mustDict decodes a reply, which must be exactly one dictionary in strict
// bencode: keys in order and each once, numbers and lengths in shortest form.
func mustDict(t testing.TB, body string) dict {
	t.Helper()
	value, err := bencode.Decode([]byte(body))
	if err != nil {
		t.Fatalf("%v\n%q", err, body)
	}
	d, ok := value.(dict)
	if r := bencode.NewReader([]byte(body)); !ok || !inOrder(&r) {
		t.Fatalf("reply is not a dictionary with its keys in order: %q", body)
	}
	return d
}

// inOrder reads a value, and tells whether all keys in it are in order.
func inOrder(r *bencode.Reader) bool {
	ordered := true
	switch r.Kind() {
	case 'd':
		last := ""
		r.Dictionary(func(key []byte) {
			ordered = inOrder(r) && ordered && string(key) >= last
			last = string(key)
		})
	case 'l':
		r.List(func() { ordered = inOrder(r) && ordered })
	default:
		r.Skip()
	}
	return ordered
}

func TestInOrder(t *testing.T) {
	for body, want := range map[string]bool{
		"d1:ai1e1:bi1ee": true, "d1:bi1e1:ai1ee": false, "ld1:bi1e1:ai1eei1ee": false, "d1:ad1:bi1e1:ai1ee1:bi1ee": false,
	} {
		r := bencode.NewReader([]byte(body))
		if got := inOrder(&r); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
