package bencode

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     any
	}{
		{"zero", "i0e", int64(0)},
		{"negative number", "i-42e", int64(-42)},
		{"largest number", "i9223372036854775807e", int64(1<<63 - 1)},
		{"smallest number", "i-9223372036854775808e", int64(-1 << 63)},
		{"empty string", "0:", ""},
		{"raw bytes", "3:\x00e\xff", "\x00e\xff"},
		{"empty list", "le", []any{}},
		{"list", "li1e1:ae", []any{int64(1), "a"}},
		{"empty dictionary", "de", map[string]any{}},
		{"empty key", "d0:i1ee", map[string]any{"": int64(1)}},
		{"dictionary", "d1:ai1e1:bld1:ci2eeee", map[string]any{"a": int64(1), "b": []any{map[string]any{"c": int64(2)}}}},
		{"keys out of order", "d1:bi1e1:ai2ee", map[string]any{"a": int64(2), "b": int64(1)}},
		{"as deep as allowed", nested(MaxDepth), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if c.want != nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"nothing", ""},
		{"garbage", "x"},
		{"two values", "i1ei2e"},
		{"number without digits", "ie"},
		{"number without end", "i1"},
		{"leading zero", "i01e"},
		{"minus zero", "i-0e"},
		{"plus", "i+1e"},
		{"number beyond 64 bits", "i9223372036854775808e"},
		{"number beyond 64 bits, in a list", "li-9223372036854775809ee"},
		{"number far beyond 64 bits", "i184467440737095516160000e"},
		{"string longer than the rest", "5:abcd"},
		{"string length with leading zero", "01:a"},
		{"negative string length", "d-1:i1ee"},
		{"string length beyond memory", "9223372036854775807:a"},
		{"open list", "li1e"},
		{"open dictionary", "d1:ai1e"},
		{"key without value", "d1:ae"},
		{"number as key", "di1ei1ee"},
		{"key twice", "d1:ai1e1:ai1ee"},
		{"key twice, out of order", "d1:bi1e1:ai1e1:bi1ee"},
		{"too deep", nested(MaxDepth + 1)},
		{"far too deep", strings.Repeat("l", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Decode([]byte(c.in)); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %#v, error %v", got, err)
			}
		})
	}
}

// TestSkip: what nobody looks at may break rules that make no difference.
func TestSkip(t *testing.T) {
	for in, ok := range map[string]bool{
		"d1:ai1e1:ai1ee":           true, // a key twice
		"li18446744073709551616ee": true,
		"i01e":                     false,
		"d1:a":                     false,
		"li1e":                     false,
		"i1ei2e":                   false,
		"":                         false,
		nested(MaxDepth):           true,
		nested(MaxDepth + 1):       false,
	} {
		r := NewReader([]byte(in))
		r.Skip()
		if err := r.End(); (err == nil) != ok {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestRaw: a value's bytes are those of the data, whatever it is.
func TestRaw(t *testing.T) {
	for _, value := range []string{"i-1e", "le", "3:abc", "d1:ali1e2:xxee"} {
		data := "d1:k" + value + "e"
		r := NewReader([]byte(data))
		var got []byte
		r.Dictionary(func([]byte) { got = r.Raw() })
		if err := r.End(); err != nil || string(got) != value || cap(got) != len(got) {
			t.Errorf("%s: %q, %v", data, got, err)
		}
	}
	r := NewReader([]byte("li1e"))
	if got := r.Raw(); got != nil || r.End() == nil {
		t.Errorf("of half a list: %q", got)
	}
}

// TestReaderStopsAtAnError: nothing is read after it, and the first one is told.
func TestReaderStopsAtAnError(t *testing.T) {
	r := NewReader([]byte("x1:ai2e"))
	if n := r.Int(); n != 0 || r.Kind() != 0 || r.Text() != nil || r.Int() != 0 {
		t.Errorf("read %d and more", n)
	}
	r.List(func() { t.Error("is called") })
	if err := r.End(); !errors.Is(err, ErrMalformed) || !strings.HasSuffix(err.Error(), "no i at byte 0") {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"i-1e", "0:", "le", "d1:ai1e1:bl2:cdee", "d1:bi1e1:ai1ee", nested(MaxDepth), "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1eeee"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(in)
		r.Skip()
		skipped := r.End()
		v, err := Decode(in)
		if err != nil {
			return
		}
		if skipped != nil {
			t.Errorf("%q decodes to %#v, but skipping it fails: %v", in, v, skipped)
		}
		// Only the order of keys may differ.
		out := encode(nil, v)
		if again, err := Decode(out); len(out) != len(in) || err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%q decodes to %#v, which encodes to %q", in, v, out)
		}
	})
}

func nested(depth int) string {
	return strings.Repeat("l", depth) + "i1e" + strings.Repeat("e", depth)
}

// encode is decode turned round.
func encode(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return fmt.Appendf(dst, "i%de", v)
	case string:
		return fmt.Appendf(dst, "%d:%s", len(v), v)
	case []any:
		dst = append(dst, 'l')
		for _, e := range v {
			dst = encode(dst, e)
		}
	case map[string]any:
		dst = append(dst, 'd')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			dst = encode(encode(dst, k), v[k])
		}
	}
	return append(dst, 'e')
}
