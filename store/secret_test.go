package store

import (
	"bytes"
	"testing"
	"time"
)

func TestSecretOutlivesARestart(t *testing.T) {
	path := testPath(t)
	first := openStore(t, path)
	secret := first.Secret()
	first.Secret()[0]++ // a copy: changes nothing
	closeStore(t, first)
	if again := openStore(t, path).Secret(); !bytes.Equal(again, secret) {
		t.Errorf("secret %x, was %x", again, secret)
	}
	if other := openStore(t, testPath(t)).Secret(); bytes.Equal(other, secret) {
		t.Error("two databases have the same secret")
	}
}

// TestWhenTheSecretWasRetired opens the file anew for each step.
func TestWhenTheSecretWasRetired(t *testing.T) {
	path := testPath(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for i, step := range []struct {
		used  bool
		later time.Duration
		want  time.Duration // when it was retired
	}{
		{used: true},
		{later: time.Hour, want: time.Hour},
		{later: 2 * time.Hour, want: time.Hour},
		{later: -time.Hour, want: -time.Hour}, // the clock was wrong
		{used: true},
		{used: true},
		{later: 3 * time.Hour, want: 3 * time.Hour},
	} {
		s := openStore(t, path)
		if step.used {
			if err := s.UseSecret(); err != nil {
				t.Fatal(err)
			}
		} else if since, err := s.RetireSecret(at.Add(step.later)); err != nil || !since.Equal(at.Add(step.want)) {
			t.Errorf("step %d: retired at %v, %v", i, since, err)
		}
		closeStore(t, s)
	}
}

func TestASecretThatCannotBeRetired(t *testing.T) {
	s := openStore(t, testPath(t))
	closeStore(t, s)
	now := time.Unix(1, 0)
	if since, err := s.RetireSecret(now); err == nil || !since.Equal(now) {
		t.Errorf("retired at %v, %v", since, err)
	}
	if err := s.UseSecret(); err == nil {
		t.Error("used")
	}
}
