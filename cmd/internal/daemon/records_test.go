package daemon

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/store"
	"keeptrack/tracker"
)

// changed is a Source of torrents that are new.
type changed []tracker.Record

func (c *changed) TakeChanges(dst []tracker.Change, _ int) []tracker.Change {
	for _, r := range *c {
		dst = append(dst, tracker.Change{Record: r})
	}
	*c = nil
	return dst
}
func (*changed) RestoreChanges([]tracker.Change) {}
func (*changed) Settle(tracker.Settlement)       {}
func (*changed) Expired(tracker.Record) bool     { return false }

// TestLoadRecords loads a file of 100,000 torrents with different budgets.
func TestLoadRecords(t *testing.T) {
	const all = 100_000
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := store.Open(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Load(func(tracker.Record) {}); err != nil {
		t.Fatal(err)
	}
	var records changed
	for i := range all {
		r := tracker.Record{LastAnnounce: uint32(time.Now().Unix() / 60), Downloaded: uint64(i)}
		binary.BigEndian.PutUint64(r.InfoHash[:], uint64(i)*0x9e3779b97f4a7c15)
		records = append(records, r)
	}
	if _, err := s.Checkpoint(&records, store.Along{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		budget int64
		alone  bool
	}{
		{"no limit", 0, false},
		{"room for all", tracker.MemoryFor(all), false},
		{"room for half", tracker.MemoryFor(all / 2), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			d := &Daemon{log: zerolog.New(&log), store: s, database: path,
				tracker: tracker.New(tracker.Options{MaxMemory: c.budget, PeerTimeout: time.Hour}, time.Now())}
			if err := d.loadRecords(); err != nil {
				t.Fatal(err)
			}
			loaded, alone := d.tracker.Torrents(), d.tracker.InFileAlone()
			if loaded+alone != all || alone > 0 != c.alone {
				t.Errorf("%d loaded, %d left in the file", loaded, alone)
			}
			if used, limit := d.tracker.Memory(); limit > 0 && used > limit/4*3 {
				t.Errorf("%d bytes loaded, three quarters of %d are %d", used, limit, limit/4*3)
			}
			if !c.alone {
				if log.Len() > 0 || d.tooSmall() != nil {
					t.Errorf("said %s, %v", &log, d.tooSmall())
				}
				return
			}
			for _, r := range []int{0, all - 1} { // fewest downloads first
				var h tracker.InfoHash
				binary.BigEndian.PutUint64(h[:], uint64(r)*0x9e3779b97f4a7c15)
				if _, ok := d.tracker.Overview(h); ok != (r > 0) {
					t.Errorf("torrent with %d downloads in memory: %v", r, ok)
				}
			}
			var line struct{ Level, Error string }
			if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level != "error" {
				t.Errorf("log %s, %v", &log, err)
			}
			const want = "set it to 17MiB or more"
			if !strings.Contains(line.Error, want) || !strings.Contains(d.status(), want) {
				t.Errorf("error %q, %s, want %q", line.Error, d.status(), want)
			}
			if again := int64(17 << 20); again < tracker.MemoryFor(all) {
				t.Errorf("%d bytes are not room enough, %d are", again, tracker.MemoryFor(all))
			}
		})
	}
}
