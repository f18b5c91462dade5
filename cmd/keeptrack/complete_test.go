package main

import (
	"strings"
	"testing"
)

// TestFlagValuesAreCompleted: shells take of these what begins as typed.
func TestFlagValuesAreCompleted(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"announce", "--event", "st"}, "none\ncompleted\nstarted\nstopped\npaused\n:4\n"},
		{[]string{"top", "--by", "net"}, "peers\nseeders\nleechers\ndownloaded\nnetworks\nclients\n:4\n"},
		{[]string{"bench", "--mix", ""}, "connect=\nannounce=\nscrape=\n:6\n"},
		{[]string{"bench", "--mix", "connect=23,a"}, "connect=23,announce=\nconnect=23,scrape=\n:6\n"},
		{[]string{"bench", "--events", "none=91,started=5,sto"}, "none=91,started=5,completed=\nnone=91,started=5,stopped=\nnone=91,started=5,paused=\n:6\n"},
	} {
		if got := keeptrack(append([]string{"__complete"}, c.args...)...); got.status != statusDone || got.stdout != c.want {
			t.Errorf("%s: %+v, want %q", strings.Join(c.args, " "), got, c.want)
		}
	}
}
