package snapshot

import (
	"testing"
	"time"

	"keeptrack/tracker"
)

func TestSince(t *testing.T) {
	wall := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	first, second := [bootIDSize]byte{1}, [bootIDSize]byte{2}
	const up = 1000 * time.Second
	began := moment{wall, up, first}
	year := 365 * 24 * time.Hour
	for _, c := range []struct {
		name    string
		earlier moment
		now     moment
		want    time.Duration
	}{
		{"same start of the system", began, moment{wall.Add(time.Minute), up + time.Minute, first}, time.Minute},
		{"clock set forward", began, moment{wall.Add(year), up + time.Minute, first}, time.Minute},
		{"clock set back", began, moment{wall.Add(-year), up + time.Minute, first}, time.Minute},
		{"another start", began, moment{wall.Add(time.Hour), time.Second, second}, time.Hour},
		{"another start, clock set forward", began, moment{wall.Add(year), 0, second}, year},
		{"another start, clock set back", began, moment{wall.Add(-time.Hour), 0, second}, 0},
		{"start not known", moment{wall, 0, [bootIDSize]byte{}}, moment{wall.Add(time.Hour), 0, [bootIDSize]byte{}}, time.Hour},
		{"counting has begun again", began, moment{wall.Add(time.Hour), up - 1, first}, time.Hour},
	} {
		if got := c.now.since(c.earlier); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestNow: the clocks go on, and name the same start of the system.
func TestNow(t *testing.T) {
	a := now()
	b := now()
	if b.since(a) < 0 || b.since(a) > time.Minute || a.boot != b.boot || b.up < a.up {
		t.Errorf("%+v, then %+v", a, b)
	}
}

// TestAgesGoOn: the time that passes until a snapshot is read counts, from when each
// block's peers were looked at.
func TestAgesGoOn(t *testing.T) {
	db := database(t)
	w, err := Create(db, 0, [2]uint64{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	w.began.up -= 100 * time.Second // the peers are looked at 100 s after the beginning
	w.began.wall = w.began.wall.Add(-100 * time.Second)
	s := w.Section()
	if err := s.Add([]tracker.PeerState{{Peer: peer(1), Age: 7}, {Peer: peer(2), Age: 1<<32 - 5}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]uint32{
		0: 7, 50 * time.Second: 7, 100 * time.Second: 8, 130 * time.Second: 38, 100 * time.Hour: 359907,
	} {
		got, info := load(t, db, func(r *Reader) { r.at, r.began = moment{wall: w.began.wall.Add(after)}, moment{wall: w.began.wall} })
		// What has passed is rounded up, and writing took a moment.
		if age := got[0].Age; age != want && age != want-1 {
			t.Errorf("%v after the beginning: age %d, want %d", after, age, want)
		}
		if after > 0 && after < 100*time.Second && got[1].Age != 1<<32-5 || after > 100*time.Second && got[1].Age != 1<<32-1 {
			t.Errorf("%v after the beginning: age %d of one that is older than time", after, got[1].Age)
		}
		if want := max(after-100*time.Second, 0); info.Age > want || want-info.Age > time.Minute {
			t.Errorf("%v after the beginning: the snapshot's age is %v, want %v", after, info.Age, want)
		}
	}
}
