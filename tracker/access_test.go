package tracker

import (
	"bufio"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func hashSet(hashes ...InfoHash) map[InfoHash]struct{} {
	set := make(map[InfoHash]struct{})
	for _, h := range hashes {
		set[h] = struct{}{}
	}
	return set
}

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		name    string
		access  Access
		refuses bool
	}{
		{"open", Access{}, false},
		{"open with a list", Access{Hashes: hashSet(hashA)}, false},
		{"allow, listed", Access{AccessAllow, hashSet(hashA, hashB)}, false},
		{"allow, not listed", Access{AccessAllow, hashSet(hashB)}, true},
		{"allow nothing", Access{Mode: AccessAllow}, true},
		{"deny, listed", Access{AccessDeny, hashSet(hashA)}, true},
		{"deny, not listed", Access{AccessDeny, hashSet(hashB)}, false},
		{"deny nothing", Access{Mode: AccessDeny}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.complete(hashA, peer4(1))
			b.SetAccess(&c.access)
			r := b.leech(hashA, peer4(2))
			scraped, full := b.scrape(hashA), b.ScrapeShard(int(hashA[0]), nil)
			if r.Refused != c.refuses || (scraped == Counts{}) != c.refuses || (len(full) == 0) != c.refuses {
				t.Errorf("refused %v, scraped %+v, full scrape %v", r.Refused, scraped, full)
			}
			if !c.refuses {
				return
			}
			r.wantPeers(t)
			if r.Interval != maxInterval || r.MinInterval != 900 || r.Seeders+r.Leechers != 0 || r.Downloaded != 0 {
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
		{"white space and DOS lines", " \t" + listedText + " \r\n\r\n" + otherText + "\r\n", []InfoHash{listed, other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadAccessList(strings.NewReader(c.text))
			if err != nil || !maps.Equal(got, hashSet(c.want...)) {
				t.Errorf("%v, %v", got, err)
			}
		})
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
		{"on a later line", "\n# x\n" + listedText + "\nnonsense\n" + otherText, "line 4: ", ErrInfoHash},
		{"an endless line", listedText + "\n" + strings.Repeat("0", 1<<20), "line 2: ", bufio.ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadAccessList(strings.NewReader(c.text))
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
	if got, err := ReadAccessList(brokenReader{}); !errors.Is(err, errBroken) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzReadAccessList(f *testing.F) {
	f.Add(listedText + "\n" + otherText)
	f.Add("# comment\r\n\n " + listedText + " # x")
	f.Add("nonsense")
	f.Fuzz(func(t *testing.T, text string) {
		hashes, err := ReadAccessList(strings.NewReader(text))
		if err != nil {
			if hashes != nil || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%v, %v", hashes, err)
			}
			return
		}
		var lines []string
		for h := range hashes {
			lines = append(lines, h.String())
		}
		slices.Sort(lines)
		again, err := ReadAccessList(strings.NewReader(strings.Join(lines, "\n")))
		if err != nil || !maps.Equal(again, hashes) {
			t.Fatalf("%v, %v; want %v", again, err, hashes)
		}
	})
}
