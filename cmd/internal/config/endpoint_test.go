package config

import "testing"

func TestClashes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:1", "127.0.0.1:1", true},
		{"127.0.0.1:1", "127.0.0.1:2", false},
		{"127.0.0.1:1", "127.0.0.2:1", false},
		{"127.0.0.1:1", "0.0.0.0:1", true},
		{"127.0.0.1:1", "[::]:1", false},
		{"[::1]:1", "[::]:1", true},
		{"[::1]:1", "[::1]:1", true},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{"unix:/a", "unix:/a", true},
		{"unix:/a", "unix:/b", false},
		{"unix:/a", "127.0.0.1:1", false},
	} {
		t.Run(c.a+" "+c.b, func(t *testing.T) {
			a, err := endpoint.decode(c.a)
			b, err2 := endpoint.decode(c.b)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if a.clashes(b) != c.want || b.clashes(a) != c.want {
				t.Errorf("%v and %v, want %v", a.clashes(b), b.clashes(a), c.want)
			}
		})
	}
	if (Endpoint{}).clashes(Endpoint{}) {
		t.Error("nowhere clashes with itself")
	}
}
