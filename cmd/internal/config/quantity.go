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
)

// sizeUnits are the units of a size, the largest first.
var sizeUnits = []struct {
	name  string
	bytes int
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
func size(low, high int) kind[int] {
	want := fmt.Sprintf("a size from %q to %q, in GiB, MiB, KiB or B", formatSize(low), formatSize(high))
	return kind[int]{
		decode: func(value any) (int, error) {
			s, err := stringOf(want, value)
			if err != nil {
				return 0, err
			}
			n, ok := parseSize(s)
			if !ok || n < low || n > high {
				return 0, wrong(want, value)
			}
			return n, nil
		},
		encode: func(n int) any { return formatSize(n) },
	}
}

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
func parseSize(s string) (n int, ok bool) {
	for _, u := range sizeUnits {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || n > uint64(math.MaxInt/u.bytes) {
			return 0, false
		}
		return int(n) * u.bytes, true
	}
	return 0, false
}

// formatSize writes n in the largest unit that it is a multiple of.
func formatSize(n int) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n) + "B"
}
