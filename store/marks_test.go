package store

import (
	"errors"
	"maps"
	"testing"

	"go.etcd.io/bbolt"
)

// wantMarks checks the marks in the file.
func wantMarks(t *testing.T, s *Store, want Marks) {
	t.Helper()
	if got, err := s.Marks(); err != nil || !maps.Equal(got, want) {
		t.Errorf("marks %v, %v, want %v", got, err, want)
	}
}

func TestMarksAreWrittenWithACheckpoint(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	wantMarks(t, s, nil)
	marks := Marks{{1}: 10, {2}: 20}
	s.KeepMarks(func() Marks { return marks })
	n := transactions(s)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	wantMarks(t, s, marks)
	if *n != 1 {
		t.Errorf("%d transactions for changes and marks, want 1", *n)
	}
	checkpoint(t, s, src)
	if *n != 1 {
		t.Error("a transaction although nothing has changed")
	}
	marks = Marks{{}: 10, {2}: 30}
	checkpoint(t, s, src)
	wantMarks(t, s, marks)
	if *n != 2 {
		t.Errorf("%d transactions for the marks alone, want 1", *n-1)
	}
	s, src = reopen(t, s)
	wantMarks(t, s, marks)
	src.put(record(2, 1))
	checkpoint(t, s, src)
	wantMarks(t, s, marks) // kept while nobody gives any
}

// TestMarksCoverWhatIsWritten has packets come while a checkpoint is written:
// marks are never older than the changes beside them.
func TestMarksCoverWhatIsWritten(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.batch = 1
	heard := uint64(1)
	s.KeepMarks(func() Marks { return Marks{{1}: heard} })
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
		wantMarks(t, s, Marks{{1}: before})
		return nil
	}
	checkpoint(t, s, src)
}

func TestMarksOfAFailedCheckpointComeWithTheNext(t *testing.T) {
	for _, changed := range []bool{false, true} {
		s, src := openLoaded(t, testPath(t))
		marks := Marks{{1}: 10}
		s.KeepMarks(func() Marks { return marks })
		if changed {
			src.put(record(1, 1))
		}
		update := s.update
		failAfter(s, 0, false)
		if _, err := s.Checkpoint(src); !errors.Is(err, errDisk) {
			t.Errorf("error %v", err)
		}
		wantMarks(t, s, nil)
		s.update = update
		checkpoint(t, s, src)
		wantMarks(t, s, marks)
	}
}
