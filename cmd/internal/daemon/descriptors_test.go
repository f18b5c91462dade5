package daemon

import "testing"

func TestConnectionRoom(t *testing.T) {
	for _, c := range []struct{ descriptors, want int }{
		{-1, -1}, {0, 0}, {1, 1}, {256, 128}, {512, 256}, {1024, 768}, {4096, 3584}, {65536, 57344},
	} {
		if got := connectionRoom(c.descriptors); c.want < 0 != (got < 0) || c.want >= 0 && got != c.want {
			t.Errorf("%d descriptors: %d, want %d", c.descriptors, got, c.want)
		}
	}
}
