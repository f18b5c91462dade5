package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// readyz returns the status and the text of /readyz.
func (d *instance) readyz() (status int, text string) {
	d.t.Helper()
	res, err := d.client.Get("http://" + d.admin + "/readyz")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestLiveSyncOutlivesItsInterface deletes the interface of one of a pair and
// makes it again. Meanwhile the instance is in service and says what is wrong;
// then both hear each other again.
func TestLiveSyncOutlivesItsInterface(t *testing.T) {
	l := newLAN(t, 2)
	pair := []*instance{l.start(0, t.TempDir(), nil), l.start(1, t.TempDir(), nil)}
	const beacons = `keeptrack_livesync_packets_total{direction="in",type="beacon"}`
	hear := func() {
		t.Helper()
		began := time.Now()
		for _, d := range pair {
			d.waitMetric(beacons, d.metric(beacons)+2)
		}
		t.Logf("both heard after %s", time.Since(began))
	}
	hear()
	for round := 1; round <= 2; round++ {
		l.disconnect(0)
		waitFor(t, "the loss to be noticed", func() bool { return pair[0].metric("keeptrack_livesync_up") == 0 })
		status, text := pair[0].readyz()
		if status != http.StatusOK || !strings.HasPrefix(text, "ready\nimpaired: live sync is down since ") || !strings.Contains(text, "eth0") {
			t.Errorf("/readyz says %d %q", status, text)
		}
		l.connect(0)
		hear()
		if got := pair[0].metric("keeptrack_livesync_rejoined_total"); got != float64(round) || pair[0].metric("keeptrack_livesync_up") != 1 {
			t.Errorf("joined again %g times, want %d", got, round)
		}
		if status, text := pair[0].readyz(); status != http.StatusOK || text != "ready\n" {
			t.Errorf("/readyz says %d %q", status, text)
		}
	}
	for i, d := range pair {
		d.stop()
		want := 2 * (1 - i) // one line a change, on the one whose interface it was
		for _, message := range []string{"live sync is down until its interface is back", "live sync has joined its group again"} {
			if got := d.logged(message); got != want {
				t.Errorf("instance %d logged %q %d times, want %d", i, message, got, want)
			}
		}
		if got := d.logged("live sync cannot send"); got != 0 {
			t.Errorf("instance %d logged a failure to send %d times", i, got)
		}
	}
}
