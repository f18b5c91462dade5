package tracker

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	b := newRig(t, nil)
	now := b.now().minute()
	const day = 24 * 60 // minutes
	known := &Record{hashA, now - 5, 7}
	for _, c := range []struct {
		name    string
		local   *Record // nil: unknown
		told    Record
		want    *Record // nil: still unknown
		res     SyncResult
		changed bool
	}{
		{"unknown", nil, Record{hashA, now - 5, 7}, &Record{hashA, now - 5, 7}, SyncApplied, true},
		{"unknown, the largest count", nil, Record{hashA, now, MaxDownloaded}, &Record{hashA, now, MaxDownloaded}, SyncApplied, true},
		{"unknown, beyond the largest count", nil, Record{hashA, now, math.MaxUint64}, &Record{hashA, now, MaxDownloaded}, SyncApplied, true},
		{"known, beyond the largest count", known, Record{hashA, now - 60, MaxDownloaded + 1}, &Record{hashA, now - 5, MaxDownloaded}, SyncApplied, true},
		{"unknown and about to time out", nil, Record{hashA, now - 30*day + 1, 7}, &Record{hashA, now - 30*day + 1, 7}, SyncApplied, true},
		{"unknown and timed out", nil, Record{hashA, now - 30*day, 7}, nil, SyncTooOld, false},
		{"unknown since ever", nil, Record{hashA, 0, 7}, nil, SyncTooOld, false},
		{"unknown without a count", nil, Record{hashA, now - 60, 0}, &Record{hashA, now - 60, 0}, SyncApplied, true},
		{"unknown without a count and older than a peer gets", nil, Record{hashA, now - 69, 0}, nil, SyncTooOld, false},
		{"the same", known, *known, known, SyncApplied, false},
		{"less and older", known, Record{hashA, now - 60, 6}, known, SyncApplied, false},
		{"more", known, Record{hashA, now - 60, 8}, &Record{hashA, now - 5, 8}, SyncApplied, true},
		{"later", known, Record{hashA, now - 1, 0}, &Record{hashA, now - 1, 7}, SyncApplied, true},
		{"more and later", known, Record{hashA, now, 70}, &Record{hashA, now, 70}, SyncApplied, true},
		{"more, though timed out", known, Record{hashA, 0, 70}, &Record{hashA, now - 5, 70}, SyncApplied, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			var local uint64
			if c.local != nil {
				b.Load(b.now(), *c.local)
				local = c.local.Downloaded
			}
			got, res := b.Merge(b.now(), c.told)
			if got != local || res != c.res {
				t.Errorf("%d, %v; want %d, %v", got, res, local, c.res)
			}
			var want []Record
			if c.want != nil {
				want = []Record{*c.want}
			}
			if got := b.records(); !slices.Equal(got, want) {
				t.Errorf("records %v, want %v", got, want)
			}
			changes := b.TakeChanges(nil, 10)
			if got := len(changes) == 1 && !changes[0].Removed; got != c.changed {
				t.Errorf("changes %+v", changes)
			}
			if s := b.Stats(); s.Completed != 0 || len(b.published) != 0 {
				t.Errorf("completed %d, published %v", s.Completed, b.published)
			}
		})
	}
}

func TestMergeForEver(t *testing.T) {
	b := newRig(t, func(o *Options) { o.TorrentTimeout = 0 })
	if _, res := b.Merge(b.now(), Record{hashA, 1, 1}); res != SyncApplied {
		t.Errorf("a count from long ago: %v", res)
	}
	if _, res := b.Merge(b.now(), Record{hashB, 1, 0}); res != SyncTooOld {
		t.Errorf("no count, from long ago: %v", res)
	}
}

func TestMergeRefused(t *testing.T) {
	b := newRig(t, nil)
	b.complete(hashA, peer4(1))
	b.SetAccess(&Access{Mode: AccessDeny, List: hashSet(hashA)})
	if local, res := b.Merge(b.now(), Record{hashA, b.now().minute(), 9}); local != 0 || res != SyncRefused {
		t.Errorf("%d, %v", local, res)
	}
	if got := b.records()[0].Downloaded; got != 1 {
		t.Errorf("downloaded %d", got)
	}
}

// TestMergeInAnyOrder applies the same records in every order and twice.
func TestMergeInAnyOrder(t *testing.T) {
	minute := newRig(t, nil).now().minute()
	told := []Record{{hashA, minute - 9, 3}, {hashA, minute - 2, 1}, {hashA, minute - 4, 2}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 1, 1, 2, 2}} {
		b := newRig(t, nil)
		b.advance(time.Minute)
		for _, i := range order {
			b.Merge(b.now(), told[i])
		}
		if got, want := b.records(), []Record{{hashA, minute - 2, 3}}; !slices.Equal(got, want) {
			t.Errorf("order %v: %v, want %v", order, got, want)
		}
	}
}
