package http

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// dict is a decoded bencode dictionary. Its values are string, uint64, []any
// and dict.
type dict = map[string]any

// mustDict decodes a reply, which must be exactly one dictionary in strict
// bencode: keys in order and each once, numbers and lengths in shortest form.
func mustDict(t testing.TB, body string) dict {
	t.Helper()
	value, rest, err := bdecode(body)
	if err != nil {
		t.Fatalf("reply is not bencode: %v\n%q", err, body)
	}
	d, ok := value.(dict)
	if !ok || rest != "" {
		t.Fatalf("reply is not one dictionary: %q", body)
	}
	return d
}

func bdecode(s string) (value any, rest string, err error) {
	switch {
	case s == "":
		return nil, "", errors.New("early end")
	case s[0] == 'i':
		number, rest, found := strings.Cut(s[1:], "e")
		n, err := bnumber(number)
		if !found || err != nil {
			return nil, "", fmt.Errorf("bad integer at %q", s)
		}
		return n, rest, nil
	case s[0] == 'l':
		return blist(s[1:])
	case s[0] == 'd':
		return bdict(s[1:])
	default:
		return bstring(s)
	}
}

func blist(s string) (any, string, error) {
	list := []any{}
	for !strings.HasPrefix(s, "e") {
		value, rest, err := bdecode(s)
		if err != nil {
			return nil, "", err
		}
		list, s = append(list, value), rest
	}
	return list, s[1:], nil
}

func bdict(s string) (any, string, error) {
	d, last := dict{}, ""
	for !strings.HasPrefix(s, "e") {
		key, rest, err := bstring(s)
		if err != nil {
			return nil, "", err
		}
		if len(d) > 0 && key <= last {
			return nil, "", fmt.Errorf("key %q after %q", key, last)
		}
		value, rest, err := bdecode(rest)
		if err != nil {
			return nil, "", err
		}
		d[key], s, last = value, rest, key
	}
	return d, s[1:], nil
}

func bstring(s string) (value, rest string, err error) {
	length, rest, found := strings.Cut(s, ":")
	n, err := bnumber(length)
	if !found || err != nil || n > uint64(len(rest)) {
		return "", "", fmt.Errorf("bad string at %q", s)
	}
	return rest[:n], rest[n:], nil
}

func bnumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err == nil && strconv.FormatUint(n, 10) != s {
		err = errors.New("not the shortest form")
	}
	return n, err
}

func TestBdecodeIsStrict(t *testing.T) {
	for _, body := range []string{
		"", "d", "de ", "i1", "d1:bi1e1:ai1ee", "d1:ai1e1:ai1ee", "d1:ai01ee", "d01:ai1ee", "d2:a", "d1:aee", "l",
	} {
		if value, rest, err := bdecode(body); err == nil && rest == "" {
			t.Errorf("%q: read as %v", body, value)
		}
	}
	if got := mustDict(t, "d1:ai1e1:bl0:d1:ci0eeee"); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}
