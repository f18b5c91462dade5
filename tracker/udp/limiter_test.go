package udp

import "testing"

// spend uses up the budget of a source.
func spend(l *limiter, s source, second uint32) (allowed int) {
	for range 3 * errorsPerSecond {
		if l.allow(s, second) {
			allowed++
		}
	}
	return allowed
}

func TestLimiter(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		shared              bool
	}{
		{"one IPv4 address", "192.0.2.1:1", "192.0.2.1:2", true},
		{"one /64", "[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"two IPv4 addresses", "192.0.2.1:1", "192.0.2.2:1", false},
		{"two /64", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLimiter()
			for l.slot(from(tt.first)) == l.slot(from(tt.second)) && !tt.shared {
				l = newLimiter() // the hash has put two sources in one slot
			}
			if got := spend(l, from(tt.first), 5); got != errorsPerSecond {
				t.Errorf("%d allowed in a second, want %d", got, errorsPerSecond)
			}
			want := errorsPerSecond
			if tt.shared {
				want = 0
			}
			if got := spend(l, from(tt.second), 5); got != want {
				t.Errorf("%d allowed to the second source, want %d", got, want)
			}
			if got := spend(l, from(tt.first), 6); got != errorsPerSecond {
				t.Errorf("%d allowed in the next second, want %d", got, errorsPerSecond)
			}
		})
	}
}
