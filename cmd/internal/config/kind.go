package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keeptrack/cmd/internal/printable"
)

// kind converts between a TOML value (string, int64, float64, bool or []any)
// and the type of a field. What encode returns decodes to an equal value.
type kind[T any] struct {
	decode func(value any) (T, error)
	encode func(T) any
}

// integral are the types of number fields.
type integral interface{ ~int | ~uint16 }

var (
	errEmpty = errors.New("must not be empty")

	boolean = kind[bool]{
		decode: func(value any) (bool, error) {
			v, ok := value.(bool)
			if !ok {
				return false, wrong("true or false", value)
			}
			return v, nil
		},
		encode: func(v bool) any { return v },
	}

	text = kind[string]{
		decode: func(value any) (string, error) { return stringOf("a string", value) },
		encode: func(v string) any { return v },
	}

	ratio = kind[float64]{decode: decodeRatio, encode: func(v float64) any { return v }}
)

// lineOf is text of up to some bytes that can be shown on a line: without control
// characters.
func lineOf(most int) kind[string] {
	want := fmt.Sprintf("text of up to %d bytes without control characters", most)
	return kind[string]{
		decode: func(value any) (string, error) {
			s, err := stringOf(want, value)
			if err == nil && (len(s) > most || printable.Text(s) != s) {
				return "", wrong(want, value)
			}
			return s, err
		},
		encode: text.encode,
	}
}

// oneOf is a choice between names.
func oneOf[T comparable](choices ...T) kind[T] {
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = fmt.Sprint(c)
	}
	want := `one of "` + strings.Join(names, `", "`) + `"`
	return kind[T]{
		decode: func(value any) (T, error) {
			name, ok := value.(string)
			if i := slices.Index(names, name); ok && i >= 0 {
				return choices[i], nil
			}
			var zero T
			return zero, wrong(want, value)
		},
		encode: func(v T) any { return fmt.Sprint(v) },
	}
}

// integer is a number from low to high.
func integer[T integral](low, high T) kind[T] {
	return kind[T]{
		decode: func(value any) (T, error) {
			v, ok := value.(int64)
			if !ok || v < int64(low) || v > int64(high) {
				return 0, wrong(fmt.Sprintf("a number from %d to %d", low, high), value)
			}
			return T(v), nil
		},
		encode: func(v T) any { return int64(v) },
	}
}

func decodeRatio(value any) (float64, error) {
	v, ok := value.(float64)
	if n, whole := value.(int64); whole {
		v, ok = float64(n), true
	}
	if !ok || !(v > 0 && v <= 1) {
		return 0, wrong("a number above 0 and at most 1", value)
	}
	return v, nil
}

// listOf is a list of k's values without repetitions. Every entry's fault is
// named. The empty list decodes to nil.
func listOf[T comparable](k kind[T]) kind[[]T] {
	return kind[[]T]{
		decode: func(value any) ([]T, error) {
			entries, ok := value.([]any)
			if !ok {
				return nil, wrong("a list, in brackets", value)
			}
			var list []T
			var faults []string
			for i, e := range entries {
				v, err := k.decode(e)
				switch {
				case err != nil:
					faults = append(faults, fmt.Sprintf("entry %d %v", i+1, err))
				case slices.Contains(list, v):
					faults = append(faults, fmt.Sprintf("entry %d repeats %v", i+1, k.encode(v)))
				default:
					list = append(list, v)
				}
			}
			if faults != nil {
				return nil, errors.New(strings.Join(faults, "; "))
			}
			return list, nil
		},
		encode: func(list []T) any {
			entries := make([]any, len(list))
			for i, v := range list {
				entries[i] = k.encode(v)
			}
			return entries
		},
	}
}

// emptyOr allows the empty string beside k's values, for the zero value.
func emptyOr[T comparable](k kind[T]) kind[T] {
	var zero T
	return kind[T]{
		decode: func(value any) (T, error) {
			if value == "" {
				return zero, nil
			}
			return k.decode(value)
		},
		encode: func(v T) any {
			if v == zero {
				return ""
			}
			return k.encode(v)
		},
	}
}

// orZero allows 0 beside k's numbers.
func orZero[T integral](k kind[T]) kind[T] {
	return kind[T]{
		decode: func(value any) (T, error) {
			if value == int64(0) {
				return 0, nil
			}
			v, err := k.decode(value)
			if err != nil {
				return 0, fmt.Errorf("%w; 0 is allowed too", err)
			}
			return v, nil
		},
		encode: k.encode,
	}
}

// atMost refuses longer lists.
func atMost[T any](n int, k kind[[]T]) kind[[]T] {
	return kind[[]T]{
		decode: func(value any) ([]T, error) {
			list, err := k.decode(value)
			if err == nil && len(list) > n {
				return nil, fmt.Errorf("must have at most %d entries, not %d", n, len(list))
			}
			return list, err
		},
		encode: k.encode,
	}
}

// nonEmpty refuses the empty string.
func nonEmpty(k kind[string]) kind[string] {
	return kind[string]{
		decode: func(value any) (string, error) {
			if value == "" {
				return "", errEmpty
			}
			return k.decode(value)
		},
		encode: k.encode,
	}
}

// stringOf returns the string in value; want describes what it should hold.
func stringOf(want string, value any) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", wrong(want, value)
	}
	return s, nil
}

// wrong is the error for a value that is not what is wanted.
func wrong(want string, value any) error {
	return fmt.Errorf("must be %s, not %s", want, describe(value))
}

// describe shows a TOML value on one line.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case int64, float64, bool:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	case []map[string]any:
		return "a list of tables"
	case time.Time:
		return "a date or time"
	default:
		return "a table"
	}
}
