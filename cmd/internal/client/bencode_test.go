package client

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
		{"empty string", "0:", ""},
		{"raw bytes", "3:\x00e\xff", "\x00e\xff"},
		{"empty list", "le", []any{}},
		{"list", "li1e1:ae", []any{int64(1), "a"}},
		{"empty dictionary", "de", map[string]any{}},
		{"empty key", "d0:i1ee", map[string]any{"": int64(1)}},
		{"dictionary", "d1:ai1e1:bld1:ci2eeee", map[string]any{"a": int64(1), "b": []any{map[string]any{"c": int64(2)}}}},
		{"keys out of order", "d1:bi1e1:ai2ee", map[string]any{"a": int64(2), "b": int64(1)}},
		{"as deep as allowed", nested(maxDepth), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decode([]byte(c.in))
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
		{"too deep", nested(maxDepth + 1)},
		{"far too deep", strings.Repeat("l", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := decode([]byte(c.in)); !errors.Is(err, errBencode) {
				t.Errorf("got %#v, error %v", got, err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"i-1e", "0:", "le", "d1:ai1e1:bl2:cdee", "d1:bi1e1:ai1ee", nested(maxDepth), "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1eeee"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := decode(in)
		if err != nil {
			return
		}
		// Only the order of keys may differ.
		out := encode(nil, v)
		if again, err := decode(out); len(out) != len(in) || err != nil || !reflect.DeepEqual(again, v) {
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
