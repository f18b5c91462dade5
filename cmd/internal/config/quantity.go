package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day

	kibibyte = 1 << 10
	mebibyte = 1 << 20
	gibibyte = 1 << 30
	tebibyte = 1 << 40
)

// sizeUnits are the units of a size, the largest first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", gibibyte}, {"MiB", mebibyte}, {"KiB", kibibyte}, {"B", 1}}

// duration is a span of time from low to high, as Go writes it.
func duration(low, high time.Duration) kind[time.Duration] {
	want := fmt.Sprintf("a duration from %q to %q", formatDuration(low), formatDuration(high))
	return kind[time.Duration]{
		decode: func(value any) (time.Duration, error) {
			s, err := stringOf(want, value)
			if err != nil {
				return 0, err
			}
			d, err := time.ParseDuration(s)
			if err != nil || d < low || d > high {
				return 0, wrong(want, value)
			}
			return d, nil
		},
		encode: func(d time.Duration) any { return formatDuration(d) },
	}
}

// zeroOr allows "0" beside k's durations.
func zeroOr(k kind[time.Duration]) kind[time.Duration] {
	return kind[time.Duration]{
		decode: func(value any) (time.Duration, error) {
			s, _ := value.(string)
			if d, err := time.ParseDuration(s); err == nil && d == 0 {
				return 0, nil
			}
			d, err := k.decode(value)
			if err != nil {
				return 0, fmt.Errorf(`%w; "0" is allowed too`, err)
			}
			return d, nil
		},
		encode: k.encode,
	}
}

// size is a number of bytes from low to high, written with a unit.
func size[T ~int | ~int64](low, high T) kind[T] {
	want := fmt.Sprintf("a size from %q to %q, in GiB, MiB, KiB or B", formatSize(int64(low)), formatSize(int64(high)))
	return kind[T]{
		decode: func(value any) (T, error) {
			s, err := stringOf(want, value)
			if err != nil {
				return 0, err
			}
			n, ok := parseSize(s)
			if !ok || n < int64(low) || n > int64(high) {
				return 0, wrong(want, value)
			}
			return T(n), nil
		},
		encode: func(n T) any { return formatSize(int64(n)) },
	}
}

// AutoMemory has the daemon choose how much memory it takes.
const AutoMemory int64 = -1

// memoryBudget is a size, AutoMemory, or 0 for no limit.
var memoryBudget = kind[int64]{
	decode: func(value any) (int64, error) {
		switch value {
		case "auto":
			return AutoMemory, nil
		case "0":
			return 0, nil
		}
		n, err := memorySize.decode(value)
		if err != nil {
			return 0, fmt.Errorf(`%w; "auto" and "0" are allowed too`, err)
		}
		return n, nil
	},
	encode: func(n int64) any {
		switch n {
		case AutoMemory:
			return "auto"
		case 0:
			return "0"
		}
		return memorySize.encode(n)
	},
}

// memorySize is from what a tracker is of use with to what no host has.
var memorySize = size[int64](8*mebibyte, 1024*tebibyte)

// formatDuration writes d as Go does, without units that count zero: 30m, not
// 30m0s.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseSize reads digits followed by a unit.
func parseSize(s string) (n int64, ok bool) {
	for _, u := range sizeUnits {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n > uint64(math.MaxInt64/u.bytes) {
			return 0, false
		}
		return int64(n) * u.bytes, true
	}
	return 0, false
}

// formatSize writes n in the largest unit that it is a multiple of.
func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
