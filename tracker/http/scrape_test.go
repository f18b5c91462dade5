package http

import (
	"slices"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// scrapeQuery asks for n info hashes in falling order, the first byte telling
// them apart.
func scrapeQuery(n int) string {
	var b strings.Builder
	for i := range n {
		h := hash1
		h[0] = byte(n - i)
		b.WriteString("&info_hash=" + escapeAll(string(h[:])))
	}
	return b.String()[1:]
}

func TestScrape(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	get(h, addr1, "/announce", announceQuery(1, "0", "&event=completed"))
	get(h, addr1, "/announce", announceQuery(2, "1", ""))
	get(h, addr6, "/announce", announceQuery(3, "1", "&event=paused"))

	unknown := tracker.InfoHash([]byte("\x01 is not a torrent..")[:20])
	raw := "info_hash=" + escapeAll(string(hash1[:])) + "&info_hash=" + escapeAll(string(unknown[:]))
	got := get(h, addr1, "/scrape", raw).body
	want := "d5:filesd" +
		"20:" + string(unknown[:]) + "d8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee" +
		"20:" + string(hash1[:]) + "d8:completei1e10:downloadedi1e11:downloadersi1e10:incompletei2ee" +
		"e5:flagsd20:min_request_intervali900eee"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	mustDict(t, got)
}

func TestScrapeParse(t *testing.T) {
	tests := []struct {
		name, raw string
		want      int
	}{
		{"none", "", 0},
		{"other parameters", "left=x&key=1", 0},
		{"one", scrapeQuery(1), 1},
		{"the same twice", scrapeQuery(1) + "&" + scrapeQuery(1), 1},
		{"64", scrapeQuery(64), 64},
		{"74", scrapeQuery(74), 74},
		{"more than are answered", scrapeQuery(75), 74},
		{"repeats do not count", scrapeQuery(74) + "&" + scrapeQuery(74), 74},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s scrapeRequest
			if f := s.parse(test.raw); f != FailureNone || s.n != test.want {
				t.Fatalf("%d info hashes, %v", s.n, f)
			}
			hashes := s.hashes[:s.n]
			if !slices.IsSortedFunc(hashes, compareHashes) || len(slices.Compact(slices.Clone(hashes))) != s.n {
				t.Errorf("not sorted or not distinct: %v", hashes)
			}
		})
	}
}

func TestScrapeTakesTheFirstHashes(t *testing.T) {
	var s scrapeRequest
	s.parse(scrapeQuery(76)) // 76 to 1
	if first, last := s.hashes[0][0], s.hashes[s.n-1][0]; first != 3 || last != 76 {
		t.Errorf("answers %d to %d", first, last)
	}
}
