package tracker

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func hashSet(hashes ...InfoHash) *HashSet { return NewHashSet(hashes) }

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		name    string
		access  Access
		refuses bool
	}{
		{"open", Access{}, false},
		{"open with a list", Access{List: hashSet(hashA)}, false},
		{"allow, listed", Access{Mode: AccessAllow, List: hashSet(hashA, hashB)}, false},
		{"allow, not listed", Access{Mode: AccessAllow, List: hashSet(hashB)}, true},
		{"allow nothing", Access{Mode: AccessAllow}, true},
		{"deny, listed", Access{Mode: AccessDeny, List: hashSet(hashA)}, true},
		{"deny, not listed", Access{Mode: AccessDeny, List: hashSet(hashB)}, false},
		{"deny nothing", Access{Mode: AccessDeny}, false},
		{"open, added", Access{Added: hashSet(hashA)}, false},
		{"allow, added", Access{Mode: AccessAllow, List: hashSet(hashB), Added: hashSet(hashA)}, false},
		{"allow, taken off", Access{Mode: AccessAllow, List: hashSet(hashA), Removed: hashSet(hashA)}, true},
		{"deny, added", Access{Mode: AccessDeny, Added: hashSet(hashA)}, true},
		{"deny, taken off", Access{Mode: AccessDeny, List: hashSet(hashA, hashB), Removed: hashSet(hashA)}, false},
		{"deny, another taken off", Access{Mode: AccessDeny, List: hashSet(hashA, hashB), Removed: hashSet(hashB)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.complete(hashA, peer4(1))
			before := b.records()
			b.SetAccess(&c.access)
			b.sweepAll()
			r := b.leech(hashA, peer4(2))
			scraped, full := b.scrape(hashA), slices.Collect(b.ScrapeAll())
			if r.Refused != c.refuses || (scraped == Counts{}) != c.refuses || (len(full) == 0) != c.refuses {
				t.Errorf("refused %v, scraped %+v, full scrape %v", r.Refused, scraped, full)
			}
			_, served := b.Served(hashA)
			told, _, _ := b.ServedPage(b.shardOf(hashA), InfoHash{}, 10, nil)
			if served == c.refuses || (len(told) == 0) != c.refuses || (b.ServedCount() == 0) != c.refuses {
				t.Errorf("told %v, %d counted", told, b.ServedCount())
			}
			if kept := b.records(); !slices.Equal(kept, before) {
				t.Errorf("kept %v, want %v", kept, before)
			}
			if !c.refuses {
				return
			}
			r.wantPeers(t)
			if r.Interval != 3*60*60 || r.MinInterval != 900 || r.Seeders+r.Leechers != 0 || r.Downloaded != 0 {
				t.Errorf("%+v", r)
			}
			b.SetAccess(&Access{})
			b.wantScrape(hashA, Counts{Seeders: 1, Downloaded: 1})
		})
	}
}

const (
	listedText = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"
	otherText  = "000102030405060708090A0B0C0D0E0F10111213"
)

// TestNothingOfARefusedTorrentIsTold: not to other instances either, nor is
// what they tell of it taken in; accepted again, it is as it was.
func TestNothingOfARefusedTorrentIsTold(t *testing.T) {
	b := newRig(t, nil)
	b.complete(hashA, peer4(1))
	b.published = nil
	b.SetAccess(&Access{Mode: AccessDeny, Added: hashSet(hashA)})
	b.leech(hashA, peer4(2))
	b.stop(hashA, peer4(1))
	if len(b.published) > 0 {
		t.Errorf("published %v", b.published)
	}
	if res := b.sync(hashA, peer4(3), SyncSeeding|SyncComplete); res != SyncRefused {
		t.Errorf("a peer heard of: %v", res)
	}
	if _, res := b.Merge(b.now(), Record{hashA, b.now().minute(), 9}); res != SyncRefused {
		t.Errorf("a count heard of: %v", res)
	}
	b.SetAccess(&Access{})
	b.wantScrape(hashA, Counts{Seeders: 1, Downloaded: 1})
}

func noRest() {}

func TestReadAccessList(t *testing.T) {
	listed, _ := ParseInfoHash(listedText)
	other, _ := ParseInfoHash(otherText)
	for _, c := range []struct {
		name, text string
		want       []InfoHash
	}{
		{"nothing", "", nil},
		{"one", listedText, []InfoHash{listed}},
		{"two", listedText + "\n" + otherText + "\n", []InfoHash{listed, other}},
		{"either case", strings.ToUpper(listedText) + "\n" + strings.ToLower(otherText), []InfoHash{listed, other}},
		{"twice", listedText + "\n" + listedText, []InfoHash{listed}},
		{"comments and empty lines", "# all of them\n\n  \t\n" + listedText + " # the file\n#" + otherText, []InfoHash{listed}},
		{"remarks", listedText + " taken down 2024-01\n" + otherText + ";é\r\n", []InfoHash{listed, other}},
		{"byte order mark", "\ufeff" + listedText + "\r\n" + otherText + "\r\n", []InfoHash{listed, other}},
		{"byte order mark and comment", "\ufeff# all of them\n" + listedText, []InfoHash{listed}},
		{"byte order mark alone", "\ufeff", nil},
		{"two files with byte order marks", "\ufeff" + listedText + "\n\ufeff" + otherText, []InfoHash{listed, other}},
		{"white space and DOS lines", " \t" + listedText + " \r\n\r\n" + otherText + "\r\n", []InfoHash{listed, other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadAccessList(strings.NewReader(c.text), 1, noRest)
			if err != nil || !slices.Equal(got.hashes, hashSet(c.want...).hashes) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestReadAccessListRests: a long list with a rest after every thousand hashes
// or so, in reading, sorting into parts and sorting those; a short one at once.
func TestReadAccessListRests(t *testing.T) {
	for n, want := range map[int]int{1: 0, restAfter / 4: 0, 100 * restAfter: 300} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintln(&text, loadHash(i))
		}
		rests := 0
		if _, err := ReadAccessList(strings.NewReader(text.String()), n, func() { rests++ }); err != nil {
			t.Fatal(err)
		}
		if rests > want || rests < want/2 {
			t.Errorf("%d rests for %d hashes, want at most %d and at least half of that", rests, n, want)
		}
	}
}

func TestReadAccessListErrors(t *testing.T) {
	for _, c := range []struct {
		name, text, line string
		want             error
	}{
		{"too short", listedText[1:], "line 1: ", ErrInfoHash},
		{"too long", listedText + "0", "line 1: ", ErrInfoHash},
		{"no hexadecimal digit", "g" + listedText[1:], "line 1: ", ErrInfoHash},
		{"two on a line", listedText + " " + otherText, "line 1: ", ErrInfoHash},
		{"two in one line, set off otherwise", listedText + ";x," + otherText + ".", "line 1: ", ErrInfoHash},
		{"letters behind it", listedText + "xyz", "line 1: ", ErrInfoHash},
		{"byte order mark within a line", listedText[:20] + "\ufeff" + listedText[20:], "line 1: ", ErrInfoHash},
		{"a remark alone", "; blacklist", "line 1: ", ErrInfoHash},
		{"on a later line", "\n# x\n" + listedText + "\nnonsense\n" + otherText, "line 4: ", ErrInfoHash},
		{"an endless line", listedText + "\n" + strings.Repeat("0", 1<<20), "line 2: ", bufio.ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadAccessList(strings.NewReader(c.text), 0, noRest)
			if !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), c.line) || got != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

type brokenReader struct{}

var errBroken = errors.New("broken")

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func TestReadAccessListReadError(t *testing.T) {
	if got, err := ReadAccessList(brokenReader{}, 0, noRest); !errors.Is(err, errBroken) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzReadAccessList(f *testing.F) {
	f.Add(listedText + "\n" + otherText)
	f.Add("# comment\r\n\n " + listedText + " # x")
	f.Add(listedText + ";remark, " + otherText)
	f.Add("nonsense")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ReadAccessList(strings.NewReader(text), 0, noRest)
		if err != nil {
			if set != nil || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%v, %v", set, err)
			}
			return
		}
		var lines []string
		for i, h := range set.hashes {
			if !set.Has(&set.hashes[i]) {
				t.Errorf("%s is not found", h)
			}
			lines = append(lines, h.String())
		}
		again, err := ReadAccessList(strings.NewReader(strings.Join(lines, "\n")), 0, noRest)
		if err != nil || !slices.Equal(again.hashes, set.hashes) {
			t.Fatalf("%v, %v; want %v", again, err, set.hashes)
		}
	})
}
