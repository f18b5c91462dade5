package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
)

// listedReply is what the admin address says of an info hash.
type listedReply struct {
	Refused  bool
	Spreads  bool
	Override *struct {
		Decision, Origin string
		Local            bool
	}
}

// says asks for what the access list says of an info hash.
func (d *instance) says(h tracker.InfoHash) (l listedReply) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.mustAPI("GET", "access/"+h.String())), &l); err != nil {
		d.t.Fatal(err)
	}
	return l
}

// waitRefused waits until every instance refuses a hash, or none does, and returns how
// long that took.
func waitRefused(t *testing.T, h tracker.InfoHash, refused bool, all ...*instance) time.Duration {
	t.Helper()
	began := time.Now()
	for k, d := range all {
		waitFor(t, fmt.Sprintf("instance %d of %d to refuse %s: %v", k+1, len(all), h, refused), func() bool {
			return d.says(h).Refused == refused
		})
	}
	return time.Since(began).Round(time.Millisecond)
}

// label returns what names an instance in the overrides that are made there.
func (d *instance) label() string {
	d.t.Helper()
	var list struct{ Label string }
	if err := json.Unmarshal([]byte(d.mustAPI("GET", "access?limit=1")), &list); err != nil || len(list.Label) != 8 {
		d.t.Fatalf("label %q, %v", list.Label, err)
	}
	return list.Label
}

// detach takes the interface of host i off the bridge, whose carrier stays; attach puts it
// back.
func (l *lan) detach(i int) { l.ip(fmt.Sprintf("-n %s link set p%d nomaster", l.name, i)) }
func (l *lan) attach(i int) { l.ip(fmt.Sprintf("-n %s link set p%d master br0", l.name, i)) }

// TestOverridesReachTheGroup: an override that is made on one of three instances is in
// force on the others, after a partition as well, and after a restart of any of them;
// so is one that is dropped. One of them has a list to allow, the others have none.
func TestOverridesReachTheGroup(t *testing.T) {
	l := newLAN(t, 3)
	key := sealed(t, groupKey("a")).with(settings{"livesync.beacon_interval": `"2s"`})
	allow := settings{"access.mode": `"allow"`, "access.file": fmt.Sprintf("%q", listed(t, "one", "two", "three", "four", "five"))}
	more := []settings{settings{"access.mode": `"deny"`}.with(key), allow.with(key), settings{"access.mode": `"deny"`}.with(key)}
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	var all [3]*instance
	for i := range all {
		all[i] = l.start(i, dirs[i], more[i])
	}
	one, two, three, four, five := hashOf("one"), hashOf("two"), hashOf("three"), hashOf("four"), hashOf("five")

	all[0].mustAPI("PUT", "access/"+one.String())
	took := waitRefused(t, one, true, all[:]...)
	for i, d := range all {
		if s := d.says(one); s.Override == nil || s.Override.Origin != all[0].label() || s.Override.Decision != "refuse" || s.Override.Local || !s.Spreads {
			t.Errorf("instance %d says %+v", i+1, s.Override)
		}
	}
	if n := all[1].logged(`"origin":"` + all[0].label() + `"`); n != 1 || all[1].logged(one.String()) != 1 {
		t.Errorf("%d lines of the log say where the override came from", n)
	}

	// A partition, with decisions on both sides, and two about one hash.
	l.detach(2)
	all[0].mustAPI("PUT", "access/"+two.String())
	all[2].mustAPI("PUT", "access/"+three.String())
	all[2].mustAPI("DELETE", "access/"+one.String()+"/override")
	all[0].mustAPI("PUT", "access/"+four.String())
	all[2].mustAPI("DELETE", "access/"+four.String()) // the later one
	waitRefused(t, two, true, all[:2]...)
	if all[2].says(two).Refused || all[0].says(three).Refused {
		t.Fatal("the network was not cut")
	}
	l.attach(2)
	healed := time.Now()
	waitRefused(t, two, true, all[:]...)
	waitRefused(t, three, true, all[:]...)
	waitRefused(t, one, false, all[:]...)
	waitRefused(t, four, false, all[:]...)
	mended := time.Since(healed).Round(time.Millisecond)

	// Each is restarted, with something decided on the next while it is down.
	for i, c := range []struct {
		method  string
		refused bool
	}{{"DELETE", true}, {"DELETE", false}, {"PUT", true}} { // the first request goes to the list to allow
		all[i].stop()
		all[(i+1)%3].mustAPI(c.method, "access/"+five.String())
		all[i] = l.start(i, dirs[i], more[i])
		t.Logf("instance %d has what it missed %s after its start", i+1, waitRefused(t, five, c.refused, all[:]...))
		for h, want := range map[tracker.InfoHash]bool{one: false, two: true, three: true, four: false} {
			waitRefused(t, h, want, all[:]...)
		}
	}
	t.Logf("in force everywhere after %s, %s after the partition", took, mended)
	for _, d := range all {
		d.stop()
	}
}

// TestOverridesOverALossyNetwork: with every fifth packet lost, each override is in force
// everywhere in the end, and what was dropped is dropped.
func TestOverridesOverALossyNetwork(t *testing.T) {
	l := newLAN(t, 3)
	l.lose(20)
	more := settings{"access.mode": `"deny"`}.with(sealed(t, groupKey("a")))
	all := []*instance{l.start(0, t.TempDir(), more), l.start(1, t.TempDir(), more), l.start(2, t.TempDir(), more)}
	const overrides = 60
	hash := func(i int) tracker.InfoHash { return hashOf(fmt.Sprint("number ", i)) }
	for i := range overrides {
		all[i%3].mustAPI("PUT", "access/"+hash(i).String())
	}
	for i := range overrides / 4 {
		all[i%3].mustAPI("DELETE", "access/"+hash(4*i).String()+"/override")
	}
	began := time.Now()
	for i := range overrides {
		waitRefused(t, hash(i), i%4 != 0, all...)
	}
	t.Logf("equal everywhere %s after the last", time.Since(began).Round(time.Millisecond))
}

// TestOverridesThroughAnOpenInstance: it can make none, keeps those of others without
// effect, and passes them on to one that was away.
func TestOverridesThroughAnOpenInstance(t *testing.T) {
	g := newMulticastGroup(t)
	key := sealed(t, groupKey("a"))
	deny := settings{"access.mode": `"deny"`}.with(hasty).with(key)
	first, open := start(t, g.member(deny)), start(t, g.member(key.with(hasty)))
	h := hashOf("blocked")
	for _, method := range []string{"PUT", "DELETE"} {
		if status, body := open.api(method, "access/"+h.String()); status != http.StatusConflict || !strings.Contains(body, "access.mode") || !strings.Contains(body, "deny") {
			t.Errorf("%s in mode open: %d %s", method, status, body)
		}
	}
	first.mustAPI("PUT", "access/"+h.String())
	waitFor(t, "the open instance to keep it", func() bool { return open.says(h).Override != nil })
	if s := open.says(h); s.Refused || s.Override.Decision != "refuse" {
		t.Errorf("in mode open: %+v", s)
	}
	first.stop()
	late := start(t, g.member(deny))
	waitRefused(t, h, true, late)
	waitFor(t, "the open instance's label", func() bool {
		return strings.Contains(late.mustAPI("GET", "cluster"), `"overrides":{"label":"`+open.label()+`","equal":true,`)
	})
	open.mustAPI("DELETE", "access/"+h.String()+"/override")
	waitRefused(t, h, false, late)
}

// TestOverridesWithoutAKey stay where they are made, and the reply says so.
func TestOverridesWithoutAKey(t *testing.T) {
	g := newMulticastGroup(t)
	deny := settings{"access.mode": `"deny"`}.with(hasty)
	first, second := start(t, g.member(deny)), start(t, g.member(deny))
	h := hashOf("blocked")
	if body := first.mustAPI("PUT", "access/"+h.String()); !strings.Contains(body, `"spreads":false`) || !first.says(h).Refused {
		t.Errorf("the reply is %s", body)
	}
	settle(t, first, second)
	second.waitMetric(`keeptrack_livesync_packets_total{direction="in",type="beacon"}`, 3)
	if second.says(h).Refused || first.metric(`keeptrack_livesync_packets_total{direction="out",type="overrides"}`) > 0 {
		t.Error("an override was told without a key")
	}
}
