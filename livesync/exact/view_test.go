package exact

import (
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// TestView looks at two members that are in step, of which one falls behind, is away
// and is said to be gone.
func TestView(t *testing.T) {
	p := newPair(nil)
	p.groups[1].options.Label = override.Label{1, 2, 3, 4}
	p.run(4 * interval)
	v := p.groups[0].View(p.now)
	if len(v.Members) != 1 || v.Members[0].Label != (override.Label{1, 2, 3, 4}) || !v.Members[0].Here || !v.Members[0].Unlike.IsZero() || v.Origin != (Origin{1}) {
		t.Errorf("in step: %+v", v)
	}
	p.tables[1].set(addHash(p.tables[1], p.now), Nobody, 5)
	p.groups[1].serial++
	p.groups[1].hello(p.now)
	p.groups[0].Hear(Origin{2}, p.packets[0].m, p.now)
	p.packets = nil
	if v = p.groups[0].View(p.now); v.Members[0].Unlike != p.now {
		t.Errorf("unlike: %+v", v.Members)
	}
	if v = p.groups[0].View(p.now.Add(10 * interval)); v.Members[0].Here {
		t.Errorf("away: %+v", v.Members)
	}
	p.groups[0].Gone(Origin{2}, p.now)
	if v = p.groups[0].View(p.now); len(v.Members) != 0 || v.Ended != 1 {
		t.Errorf("gone: %+v", v)
	}
}

// addHash creates a torrent and returns its info hash.
func addHash(m *memory, now time.Time) tracker.InfoHash {
	m.find(hashC, now)
	return hashC
}

// TestFoldedAreBounded forges names of folded origins.
func TestFoldedAreBounded(t *testing.T) {
	p := newPair(nil)
	g := p.groups[0]
	for i := 0; i < maxFolded+1000; i += 200 {
		names := make([]Origin, 200)
		for k := range names {
			names[k] = Origin{9, byte(i), byte(i >> 8), byte(i >> 16), byte(k)}
		}
		g.fold(names, p.now)
	}
	if n := len(g.folded.order); n != maxFolded {
		t.Errorf("%d folded", n)
	}
}
