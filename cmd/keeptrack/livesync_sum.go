package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"keeptrack/cmd/internal/printable"
	syncwire "keeptrack/livesync/wire"
)

// watchSum adds up packets, for a line a second.
type watchSum struct {
	mu      sync.Mutex // guards what follows
	packets int
	bytes   int
	kinds   map[string]int // and reasons for which packets are dropped
	senders map[syncwire.ID]int
}

// add counts a packet.
func (s *watchSum) add(line *watched) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds, s.senders = map[string]int{}, map[syncwire.ID]int{}
	}
	s.packets++
	s.bytes += line.Bytes
	if line.Packet == nil {
		s.kinds["dropped: "+line.Dropped]++
		return
	}
	s.kinds[line.Packet.Kind.String()]++
	s.senders[line.Packet.From]++
}

// take returns the line about what was added since the last one, or nothing if there was
// none.
func (s *watchSum) take(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packets == 0 {
		return ""
	}
	text := fmt.Sprintf("%s %d packets, %s (%s), from %s", now.Format("15:04:05"), s.packets, size(int64(s.bytes)),
		counts(s.kinds, strings.Compare), counts(s.senders, func(a, b syncwire.ID) int { return strings.Compare(a.String(), b.String()) }))
	s.packets, s.bytes, s.kinds, s.senders = 0, 0, nil, nil
	return strings.TrimSuffix(text, ", from ")
}

// counts lists how often there is what, the most frequent first.
func counts[K comparable](of map[K]int, compare func(a, b K) int) string {
	keys := make([]K, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Or(cmp.Compare(of[b], of[a]), compare(a, b)) })
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = fmt.Sprintf("%v %d", k, of[k])
	}
	return strings.Join(words, ", ")
}

// printEverySecond prints lines until over is closed, and then the last one.
func (s *watchSum) printEverySecond(out io.Writer, over <-chan struct{}) {
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for more := true; more; {
		select {
		case <-seconds.C:
		case <-over:
			more = false
		}
		if text := s.take(time.Now()); text != "" {
			fmt.Fprintln(out, printable.Text(text)) // the command ends with the error of the output
		}
	}
}
