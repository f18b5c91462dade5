package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
)

// Kind is what a request asks for.
type Kind uint8

// The kinds of requests. HTTP knows no connect.
const (
	Connect Kind = iota
	Announce
	Scrape
	kinds
)

var kindNames = []string{Connect: "connect", Announce: "announce", Scrape: "scrape"}

// KindNames returns the names that ParseMix knows.
func KindNames() []string { return slices.Clone(kindNames) }

// Mix holds the shares of the kinds of requests, in proportion to each other.
type Mix [kinds]float64

// Events holds the shares of the events in announces, in proportion to each
// other and indexed by tracker.Event.
type Events [tracker.EventPaused + 1]float64

var defaultEvents = Events{
	tracker.EventNone:      91,
	tracker.EventStarted:   5,
	tracker.EventCompleted: 2,
	tracker.EventStopped:   2,
}

// ParseMix reads shares such as "connect=23,announce=75,scrape=2". Kinds left
// out have none.
func ParseMix(s string) (Mix, error) {
	var m Mix
	return m, parseShares(m[:], s, func(name string) (int, error) {
		i := slices.Index(kindNames, name)
		if i < 0 {
			return 0, fmt.Errorf("unknown kind of request %q: it must be one of %s", name, strings.Join(kindNames, ", "))
		}
		return i, nil
	})
}

// String returns the shares in the form that ParseMix reads.
func (m Mix) String() string {
	return formatShares(m[:], func(i int) string { return kindNames[i] })
}

// ParseEvents reads shares such as "none=91,started=5". Events left out have
// none.
func ParseEvents(s string) (Events, error) {
	var e Events
	return e, parseShares(e[:], s, func(name string) (int, error) {
		event, err := client.ParseEvent(name)
		return int(event), err
	})
}

// String returns the shares in the form that ParseEvents reads.
func (e Events) String() string {
	return formatShares(e[:], func(i int) string { return client.EventName(tracker.Event(i)) })
}

func parseShares(dst []float64, s string, index func(name string) (int, error)) error {
	for item := range strings.SplitSeq(s, ",") {
		name, share, ok := strings.Cut(item, "=")
		if !ok {
			return fmt.Errorf("%q is not NAME=SHARE", item)
		}
		i, err := index(name)
		if err != nil {
			return err
		}
		if dst[i], err = strconv.ParseFloat(share, 64); err != nil {
			return fmt.Errorf("the share of %s is not a number: %q", name, share)
		}
	}
	return nil
}

func formatShares(shares []float64, name func(int) string) string {
	var items []string
	for i, share := range shares {
		if share > 0 {
			items = append(items, fmt.Sprintf("%s=%g", name(i), share))
		}
	}
	return strings.Join(items, ",")
}

// checkShares refuses shares that nothing can be drawn by.
func checkShares(name string, shares []float64) error {
	var sum float64
	for _, share := range shares {
		if !(share >= 0) {
			return fmt.Errorf("%s: %g is not a share", name, share)
		}
		sum += share
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("%s: the shares add up to %g", name, sum)
	}
	return nil
}

// die has faces that come up by their shares. It holds where each face's part
// of the range of a uint32 ends.
type die []uint64

func newDie(shares []float64) die {
	var sum, upTo float64
	for _, share := range shares {
		sum += share
	}
	d := make(die, len(shares))
	for i, share := range shares {
		upTo += share
		d[i] = uint64(upTo / sum * (1 << 32))
	}
	return d
}

// roll returns the face that x, an evenly drawn number, stands for.
func (d die) roll(x uint32) int {
	for i, end := range d {
		if uint64(x) < end {
			return i
		}
	}
	return len(d) - 1
}
