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

func TestShare(t *testing.T) {
	for _, c := range []struct{ room, part, all, want int }{
		{768, 10000, 14000, 548}, {768, 4000, 14000, 219}, {128, 1, 14000, 1}, {0, 4000, 14000, 1}, {128, 0, 4000, 0},
	} {
		if got := share(c.room, c.part, c.all); got != c.want {
			t.Errorf("%d of %d get %d of %d, want %d", c.part, c.all, got, c.room, c.want)
		}
	}
}
