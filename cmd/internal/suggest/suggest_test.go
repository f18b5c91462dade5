package suggest

import "testing"

func TestSuggestions(t *testing.T) {
	names := []string{"timeout", "token", "json", "admin"}
	for wanted, want := range map[string]string{
		"timout": "timeout", "TIMEOUT": "timeout", "tiemout": "timeout", "jsno": "json", "admn": "admin",
		"xyz": "", "frobnicate": "", "": "",
	} {
		s := For(wanted)
		for _, name := range names {
			s.Offer(name, 0, name)
		}
		if got := s.Label(); got != want {
			t.Errorf("%q: %q, want %q", wanted, got, want)
		}
	}
	// A penalty decides between names that are equally close.
	s := For("tokens")
	s.Offer("token", 1, "far")
	s.Offer("token", 0, "near")
	if got := s.Label(); got != "near" {
		t.Errorf("got %q", got)
	}
}
