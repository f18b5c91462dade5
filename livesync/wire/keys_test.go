package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"keeptrack/livesync/wire/wiretest"
)

// keysOf returns keys made of the bytes given.
func keysOf(t testing.TB, bytes ...byte) *Keys {
	t.Helper()
	k, err := ParseKeys(strings.NewReader(wiretest.KeyFile(bytes...)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		keys int
		err  string
	}{
		"one":                         {wiretest.HexKey(1), 1, ""},
		"two":                         {wiretest.HexKey(1) + "\n" + wiretest.HexKey(2) + "\n", 2, ""},
		"comments":                    {"# the group's\n\n \t" + wiretest.HexKey(0xab) + " # since May\r\n", 1, ""},
		"byte order mark":             {"\ufeff" + wiretest.HexKey(1) + "\r\n" + wiretest.HexKey(2) + "\r\n", 2, ""},
		"byte order mark and comment": {"\ufeff# ours\n" + wiretest.HexKey(1), 1, ""},
		"upper case":                  {strings.ToUpper(wiretest.HexKey(0xab)), 1, ""},
		"none":                        {"# nothing\n", 0, errNoKey.Error()},
		"empty":                       {"", 0, errNoKey.Error()},
		"short":                       {"\n" + wiretest.HexKey(1)[2:], 0, "line 2: " + errKey.Error()},
		"long":                        {wiretest.HexKey(1) + "00", 0, "line 1: " + errKey.Error()},
		"no digits":                   {strings.Repeat("g", 2*KeySize), 0, "line 1: " + errKey.Error()},
		"two on a line":               {wiretest.HexKey(1) + " " + wiretest.HexKey(2), 0, "line 1: " + errKey.Error()},
		"three":                       {wiretest.HexKey(1) + "\n" + wiretest.HexKey(2) + "\n" + wiretest.HexKey(3), 0, "line 3: " + errManyKeys.Error()},
		"twice":                       {wiretest.HexKey(0xab) + "\n" + strings.ToUpper(wiretest.HexKey(0xab)), 0, "line 2: " + errSameKey.Error()},
		"endless line":                {strings.Repeat("a", 1<<17), 0, "line 1: bufio.Scanner: token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseKeys(strings.NewReader(tt.text))
			switch {
			case err != nil && err.Error() != tt.err, err == nil && tt.err != "":
				t.Errorf("error %v, want %q", err, tt.err)
			case err == nil && k.Len() != tt.keys:
				t.Errorf("%d keys, want %d", k.Len(), tt.keys)
			}
		})
	}
}

// TestSecretsAreDerived: the instances of a group derive the same, whatever their version.
// The first secret was computed by another program.
func TestSecretsAreDerived(t *testing.T) {
	const purpose = "keeptrack udp connection secret"
	derive := func(purpose string, keys ...byte) string {
		t.Helper()
		secrets, err := keysOf(t, keys...).Derive(purpose)
		if err != nil || len(secrets) != len(keys) {
			t.Fatalf("%d secrets, %v", len(secrets), err)
		}
		return fmt.Sprintf("%x", bytes.Join(secrets, []byte(" ")))
	}
	first := derive(purpose, 1)
	if want := "3690f8189058c6f0e67cfe622ebddf6fc01a90dd53b3e510a7348a57368248ca"; first != want {
		t.Errorf("derived %s, want %s", first, want)
	}
	second := derive(purpose, 2)
	if got, want := derive(purpose, 2, 1), second+"20"+first; got != want {
		t.Errorf("two keys give %s, want %s", got, want)
	}
	if other := derive("something else", 1); other == first || second == first {
		t.Error("another purpose, or another key, gives the same secret")
	}
}

// FuzzParseKeys checks that whatever is read has one or two keys and seals, and
// that no error repeats what was given.
func FuzzParseKeys(f *testing.F) {
	f.Add(wiretest.HexKey(1))
	f.Add("# comment\n" + wiretest.HexKey(1) + " # first\r\n\n" + wiretest.HexKey(2) + "\n")
	f.Add(wiretest.HexKey(1) + "\n" + wiretest.HexKey(1))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKeys(strings.NewReader(text))
		if err != nil {
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) >= KeySize && strings.Contains(err.Error(), line) {
					t.Fatalf("the error repeats the line: %v", err)
				}
			}
			return
		}
		if k.Len() < 1 || k.Len() > maxKeys {
			t.Fatalf("%d keys", k.Len())
		}
		sealed := k.Seal(nil, AppendBeacon(nil, ID{1}, 1), &[NonceSize]byte{})
		if _, _, err := k.Open(nil, sealed); err != nil {
			t.Fatal(err)
		}
	})
}
