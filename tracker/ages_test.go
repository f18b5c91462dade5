package tracker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

// TestAges sets clocks and stops daemons. The torrents are loaded by their age
// at the start, as the clock then says; those with a negative age lie ahead.
func TestAges(t *testing.T) {
	const keep = 720 * time.Hour
	for _, c := range []struct {
		name       string
		loaded     []time.Duration
		after      time.Duration // time until the sweep looks
		step       time.Duration // by which the clock is set meanwhile
		kept       []bool
		downloaded uint64
	}{
		{"a short stop", []time.Duration{20 * time.Hour, keep}, time.Minute, 0, []bool{true, false}, 1},
		{"a long stop", []time.Duration{keep, 2*keep - time.Hour, 2*keep + time.Hour}, time.Minute, 0, []bool{true, true, false}, 1},
		{"a long stop, never completed", []time.Duration{keep, keep + 2*time.Hour}, time.Minute, 0, []bool{true, false}, 0},
		{"a long stop, then a run", []time.Duration{keep, keep + day}, keep - time.Hour, 0, []bool{true, false}, 1},
		{"set forward", []time.Duration{time.Hour, keep - day}, time.Hour, 60 * day, []bool{true, true}, 1},
		{"set forward by little", []time.Duration{time.Hour, keep - time.Hour}, time.Minute, 2 * time.Hour, []bool{true, false}, 1},
		{"set back", []time.Duration{time.Hour, keep - time.Minute}, time.Hour, -60 * day, []bool{true, true}, 1},
		{"set forward and back", []time.Duration{time.Hour, keep - day}, time.Hour, 0, []bool{true, true}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.TorrentTimeout = keep })
			for i, age := range c.loaded {
				b.Load(b.now(), Record{hashN(1, i), b.Instant(b.time.Add(-age)).minute(), c.downloaded})
			}
			b.ages.observe(b.time.Unix(), 0)
			if c.name == "set forward and back" {
				b.ages.observe(b.time.Add(60*day).Unix(), time.Minute)
			}
			b.advance(c.after + c.step)
			b.ages.observe(b.time.Unix(), c.after)
			b.sweepAll()
			for i, want := range c.kept {
				h := hashN(1, i)
				if _, _, kept := b.position(h); kept != want {
					t.Errorf("loaded at the age of %v: kept %v", c.loaded[i], kept)
				}
			}
		})
	}
}

// TestGapsAddUp: a torrent announced between two gaps has not aged by the
// second one alone.
func TestGapsAddUp(t *testing.T) {
	b := newRig(t, nil)
	began := b.time
	first := b.now().minute()
	b.ages.observe(b.time.Unix(), time.Minute)
	b.advance(60 * day)
	b.ages.observe(b.time.Unix(), time.Minute)
	b.advance(time.Hour)
	between := b.now().minute()
	b.ages.observe(b.time.Unix(), time.Minute+time.Hour)
	b.advance(5 * day)
	b.ages.observe(b.time.Unix(), time.Minute+time.Hour)
	if got := b.ages.of(first, b.now()); got != int64(time.Hour/time.Second) {
		t.Errorf("announced before both gaps, %v ago: age %d s, want an hour", b.time.Sub(began), got)
	}
	if got := b.ages.of(between, b.now()); got != 0 {
		t.Errorf("announced between the gaps: age %d s, want 0", got)
	}
	after := b.now().minute()
	b.advance(time.Hour)
	if got := b.ages.of(after, b.now()); got != int64(time.Hour/time.Second) {
		t.Errorf("announced after both: age %d s, want an hour", got)
	}
}

// TestMadeUpTimes has last announces that a wrong clock wrote.
func TestMadeUpTimes(t *testing.T) {
	const keep = 720 * time.Hour
	for _, c := range []struct {
		name  string
		ahead []time.Duration
		want  []time.Duration // age after the sweep
	}{
		{"by years, others are right", []time.Duration{-time.Hour, 5 * 365 * day}, []time.Duration{time.Hour, 0}},
		{"by days", []time.Duration{-time.Hour, 5 * day}, []time.Duration{time.Hour, -5 * day}},
		{"most of them: the clock is wrong", []time.Duration{40 * day, 50 * day, -time.Hour}, []time.Duration{-40 * day, -50 * day, time.Hour}},
		{"all of them: the clock is wrong", []time.Duration{40 * day, 50 * day}, []time.Duration{-40 * day, -50 * day}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.TorrentTimeout = keep })
			for i, ahead := range c.ahead {
				b.Load(b.now(), Record{hashN(1, i), b.Instant(b.time.Add(ahead)).minute(), 1})
			}
			b.ages.observe(b.time.Unix(), 0)
			b.sweepAll()
			written := map[InfoHash]bool{}
			for _, change := range b.TakeChanges(nil, 100) {
				written[change.InfoHash] = !change.Removed
			}
			for r := range b.Records(InfoHash{}) {
				for i := range c.ahead {
					if r.InfoHash != hashN(1, i) {
						continue
					}
					if got := time.Duration(age(r.LastAnnounce, b.now())) * time.Second; got != c.want[i] {
						t.Errorf("torrent %d has the age %v, want %v", i, got, c.want[i])
					}
					if changed := c.want[i] != -c.ahead[i]; written[r.InfoHash] != changed {
						t.Errorf("torrent %d is to be written: %v", i, written[r.InfoHash])
					}
				}
			}
			if got := b.Torrents(); got != len(c.ahead) {
				t.Errorf("%d torrents left", got)
			}
		})
	}
}

// TestFloodAfterALongStop: torrents announced since the start age as always.
func TestFloodAfterALongStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(testOptions(), time.Now())
		stopped := tr.Instant(time.Now().Add(-60 * day)).minute()
		tr.Load(tr.Instant(time.Now()), Record{hashA, stopped, 1})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- tr.Run(ctx) }()
		var r Reply
		for i := range 100 {
			a := Announce{InfoHash: hashN(byte(i), i), Peer: peer4(i), Left: 1}
			tr.Announce(tr.Instant(time.Now()), &a, &r)
		}
		time.Sleep(2 * testOptions().PeerTimeout)
		if got := tr.Torrents(); got != 1 {
			t.Errorf("%d torrents, want the one that was loaded", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
