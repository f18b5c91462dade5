package store

import (
	"errors"
	"maps"
	"testing"

	"go.etcd.io/bbolt"
)

// wantFloors checks the floors in the file.
func wantFloors(t *testing.T, s *Store, want ReplayFloors) {
	t.Helper()
	if got, err := s.ReplayFloors(); err != nil || !maps.Equal(got, want) {
		t.Errorf("floors %v, %v, want %v", got, err, want)
	}
}

func TestFloorsAreWrittenWithACheckpoint(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	wantFloors(t, s, nil)
	floors := ReplayFloors{{1}: 10, {2}: 20}
	give := func() ReplayFloors { return floors }
	n := transactions(s)
	src.put(record(1, 1))
	checkpointWith(t, s, src, give)
	wantFloors(t, s, floors)
	if *n != 1 {
		t.Errorf("%d transactions for changes and floors, want 1", *n)
	}
	checkpointWith(t, s, src, give)
	if *n != 1 {
		t.Error("a transaction although nothing has changed")
	}
	floors = ReplayFloors{{}: 10, {2}: 30}
	checkpointWith(t, s, src, give)
	wantFloors(t, s, floors)
	if *n != 2 {
		t.Errorf("%d transactions for the floors alone, want 1", *n-1)
	}
	s, src = reopen(t, s)
	wantFloors(t, s, floors)
	src.put(record(2, 1))
	checkpoint(t, s, src)
	wantFloors(t, s, floors) // kept while nobody gives any
}

// TestFloorsCoverWhatIsWritten has packets come while a checkpoint is written:
// floors are never older than the changes beside them.
func TestFloorsCoverWhatIsWritten(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.batch = 1
	heard := uint64(1)
	for i := range 100 {
		src.put(record(i, 1))
	}
	src.onTake = func() { heard++ } // another packet has an effect on the next batch
	update := s.update
	s.update = func(fn func(*bbolt.Tx) error) error {
		before := heard
		if err := update(fn); err != nil {
			return err
		}
		wantFloors(t, s, ReplayFloors{{1}: before})
		return nil
	}
	checkpointWith(t, s, src, func() ReplayFloors { return ReplayFloors{{1}: heard} })
}

func TestFloorsOfAFailedCheckpointComeWithTheNext(t *testing.T) {
	for _, changed := range []bool{false, true} {
		s, src := openLoaded(t, testPath(t))
		floors := ReplayFloors{{1}: 10}
		give := func() ReplayFloors { return floors }
		if changed {
			src.put(record(1, 1))
		}
		update := s.update
		failAfter(s, 0, false)
		if _, err := s.Checkpoint(src, Along{Floors: give}); !errors.Is(err, errDisk) {
			t.Errorf("error %v", err)
		}
		wantFloors(t, s, nil)
		s.update = update
		checkpointWith(t, s, src, give)
		wantFloors(t, s, floors)
	}
}
