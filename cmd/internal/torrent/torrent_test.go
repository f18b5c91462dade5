package torrent

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keeptrack/tracker"
)

const (
	digits  = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"
	digits2 = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb"
	info1   = "d6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
	info2   = "d9:file treed1:xd0:d6:lengthi1eeee12:meta versioni2e4:name1:x12:piece lengthi16384ee"
	hybrid  = "d9:file treed1:xd0:d6:lengthi1eeee12:meta versioni2e4:name1:x6:pieces20:aaaaaaaaaaaaaaaaaaaae"
)

func hash(t *testing.T, digits string) tracker.InfoHash {
	t.Helper()
	h, err := tracker.ParseInfoHash(digits)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func file(info string) string { return "d8:announce21:udp://tracker.example4:info" + info + "e" }

func TestHashes(t *testing.T) {
	v1 := hash(t, digits)
	v2 := hash(t, digits2[:40])
	raw, _ := hex.DecodeString(digits)
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum1, sum2 := sha1.Sum([]byte(info1)), sha256.Sum256([]byte(info2))
	both1, both2 := sha1.Sum([]byte(hybrid)), sha256.Sum256([]byte(hybrid))
	for name, want := range map[string][]tracker.InfoHash{
		digits:                  {v1},
		strings.ToUpper(digits): {v1},
		"magnet:?xt=urn:btih:" + digits + "&dn=a+name&tr=udp%3A%2F%2Fx": {v1},
		"magnet:?xt=urn:btih:" + strings.ToUpper(digits):                {v1},
		"magnet:?xt=urn:btih:" + base32.StdEncoding.EncodeToString(raw): {v1},
		"magnet:?dn=x&xt=urn:btmh:1220" + digits2:                       {v2},
		"magnet:?xt=urn:btmh:1220" + digits2 + "&xt=urn:btih:" + digits: {v1, v2},
		write("one.torrent", file(info1)):                               {sum1},
		write("two.TORRENT", file(info2)):                               {tracker.InfoHash(sum2[:])},
		write("hybrid.torrent", file(hybrid)):                           {both1, tracker.InfoHash(both2[:])},
	} {
		if got, err := Hashes(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"":                                  "not an info hash",
		digits[1:]:                          "not an info hash",
		"magnet:?dn=x":                      "without an info hash",
		"magnet:?xt=urn:btih:xyz":           "without an info hash",
		"magnet:?xt=urn:btmh:1220abcd":      "without an info hash",
		write("a.torrent", "hello"):         "not a .torrent file",
		write("b.torrent", "d1:ai1ee"):      "it has no info",
		write("c.torrent", "d4:infoi1ee"):   "it has no info",
		write("d.torrent", file(info1)+"x"): "not a .torrent file",
		"missing.torrent":                   "no such file",
	} {
		if got, err := Hashes(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", name, got, err, want)
		}
	}
}

// FuzzFile and FuzzMagnet: whatever is taken has one hash for each version.
func FuzzFile(f *testing.F) {
	for _, info := range []string{info1, info2, hybrid} {
		f.Add([]byte(file(info)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		hashes, err := File(data)
		if err == nil && (len(hashes) < 1 || len(hashes) > 2) || err != nil && hashes != nil {
			t.Fatalf("%v, %v", hashes, err)
		}
	})
}

func FuzzMagnet(f *testing.F) {
	f.Add("magnet:?xt=urn:btih:" + digits)
	f.Add("magnet:?xt=urn:btmh:1220" + digits2)
	f.Fuzz(func(t *testing.T, link string) {
		hashes, err := Magnet(link)
		if (err == nil) != (len(hashes) > 0) {
			t.Fatalf("%v, %v", hashes, err)
		}
		for _, h := range hashes { // each is a link by itself
			if again, err := Magnet("magnet:?xt=urn:btih:" + h.String()); err != nil || len(again) != 1 || again[0] != h {
				t.Fatalf("%s: %v, %v", h, again, err)
			}
		}
	})
}

// FuzzList: what is read is the same when it is written, a hash a line.
func FuzzList(f *testing.F) {
	f.Add("# x\n" + strings.Repeat("a", 40) + ":0:7\n\n" + strings.Repeat("B", 40) + " y\n")
	f.Fuzz(func(t *testing.T, text string) {
		hashes, err := List(strings.NewReader(text), "text")
		if err != nil {
			return
		}
		var lines strings.Builder
		for _, h := range hashes {
			lines.WriteString(h.String() + "\n")
		}
		again, err := List(strings.NewReader(lines.String()), "again")
		if err != nil || !slices.Equal(again, hashes) {
			t.Fatalf("%v, then %v, %v", hashes, again, err)
		}
	})
}
