package testenv

import (
	"errors"
	"runtime"
	"testing"
)

// recorder is a test that notes how it ends.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(string, ...any) {
	r.end = "skipped"
	runtime.Goexit()
}

func (r *recorder) Fatalf(string, ...any) {
	r.end = "failed"
	runtime.Goexit()
}

// endOf returns how a test ends.
func endOf(test func(testing.TB)) string {
	r := &recorder{end: "passed"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	return r.end
}

func TestNeed(t *testing.T) {
	nothing := func(t testing.TB) { Need(t, "count", nil) }
	missing := func(t testing.TB) { Need(t, "fly", errors.New("no wings")) }
	program := func(t testing.TB) { NeedProgram(t, "keeptrack-no-such-program") }
	for _, c := range []struct {
		name     string
		required string
		test     func(testing.TB)
		want     string
	}{
		{"nothing is missing", "", nothing, "passed"},
		{"nothing is missing where everything is required", "1", nothing, "passed"},
		{"missing", "", missing, "skipped"},
		{"missing where that is no matter", "0", missing, "skipped"},
		{"missing where it is required", "1", missing, "failed"},
		{"no such program", "", program, "skipped"},
		{"no such program where it is required", "1", program, "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func(old string) { required = old }(required)
			required = c.required
			if got := endOf(c.test); got != c.want {
				t.Errorf("the test has %s, want %s", got, c.want)
			}
		})
	}
}

func TestPick(t *testing.T) {
	old := *long
	defer func() { *long = old }()
	for is, want := range map[bool]int{false: 2, true: 200} {
		*long = is
		if got := Pick(2, 200); got != want || Long() != is {
			t.Errorf("-long=%v: %d, want %d", is, got, want)
		}
	}
}
