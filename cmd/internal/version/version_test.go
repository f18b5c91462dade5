package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ name, stamped, want string }{
		{"release", "v1.2.3", "v1.2.3"},
		{"between releases", "v1.2.4-0.20260102030405-0123456789ab+dirty", "v1.2.4-0.20260102030405-0123456789ab+dirty"},
		{"no repository", "(devel)", "devel"},
		{"no module", "", "devel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			info := &debug.BuildInfo{Main: debug.Module{Version: c.stamped}}
			if got := of(info); got != c.want {
				t.Errorf("of(%q) = %q, want %q", c.stamped, got, c.want)
			}
		})
	}
}

func TestStampPrevails(t *testing.T) {
	stamped = "v9.9.9"
	t.Cleanup(func() { stamped = "" })
	if got := of(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}); got != "v9.9.9" {
		t.Errorf("got %q", got)
	}
}

func TestStringIsNeverEmpty(t *testing.T) {
	if String() == "" {
		t.Error("no version")
	}
}
