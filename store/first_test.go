package store

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestFirst: something is the first of its name once in the life of a database.
func TestFirst(t *testing.T) {
	s := openStore(t, testPath(t))
	want := func(name string, want bool) {
		t.Helper()
		if got, err := s.First(name); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	want("one", true)
	want("one", false)
	want("two", true)
	s, _ = reopen(t, s)
	want("one", false)
	closeStore(t, s)
	wantSound(t, s.path)
	if _, _, err := Compact(s.path); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, s.path)
	want("two", false)
	update := s.update
	failAfter(s, 0, false)
	for range 2 {
		if got, err := s.First("three"); !got || !errors.Is(err, errDisk) {
			t.Errorf("on a disk that fails: %v, %v, want true and why it is not noted", got, err)
		}
	}
	s.update = update
	want("three", true)
}

// TestExclusive: it has the database for itself, if there is one.
func TestExclusive(t *testing.T) {
	path := testPath(t)
	called := 0
	call := func() error {
		called++
		return errDisk
	}
	if err := Exclusive(path, call); called != 1 || !errors.Is(err, errDisk) {
		t.Errorf("without a database: called %d times, %v", called, err)
	}
	s := openStore(t, path)
	if err := Exclusive(path, call); called != 1 || !errors.Is(err, ErrInUse) {
		t.Errorf("while it is open: called %d times, %v", called, err)
	}
	closeStore(t, s)
	if err := Exclusive(path, call); called != 2 || !errors.Is(err, errDisk) {
		t.Errorf("while it is closed: called %d times, %v", called, err)
	}
	if err := Exclusive(filepath.Join(path, "nowhere", "x.db"), call); called != 2 || err == nil {
		t.Errorf("without a folder: called %d times, %v", called, err)
	}
}
