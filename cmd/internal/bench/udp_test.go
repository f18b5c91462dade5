package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

func TestUDPAnswersAreChecked(t *testing.T) {
	type list = []delivery
	header := func(a bep15.Action, answer []byte) []byte {
		h, _ := bep15.ParseReplyHeader(answer)
		return bep15.ReplyHeader{Action: a, TransactionID: h.TransactionID}.Append(nil)
	}
	for _, c := range []struct {
		name     string
		mix      Mix
		change   func(answer []byte) list
		want     counts
		failure  string
		refusal  string
		answered bool
	}{
		{name: "good announces", change: good, want: counts{sent: 12, good: 12}},
		{name: "good scrapes", mix: Mix{Scrape: 1}, change: good, want: counts{sent: 12, good: 12}},
		{name: "refusals", change: func(a []byte) list { return list{{data: append(header(bep15.ActionError, a), "no such thing\x00"...)}} },
			want: counts{sent: 12, errors: 12}, refusal: "no such thing"},
		{name: "another action", change: func(a []byte) list { return list{{data: append(header(bep15.ActionScrape, a), a[8:]...)}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrAction.Error()},
		{name: "an unknown action", change: func(a []byte) list { return list{{data: append(header(9, a), a[8:]...)}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrAction.Error()},
		{name: "a part of a peer", change: func(a []byte) list { return list{{data: append(a, 1)}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrLength.Error()},
		{name: "cut off in the header", change: func(a []byte) list { return list{{data: a[:19]}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrLength.Error()},
		{name: "a row too many", mix: Mix{Scrape: 1}, change: func(a []byte) list { return list{{data: append(a, make([]byte, 12)...)}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrLength.Error()},
		{name: "a row too few", mix: Mix{Scrape: 1}, change: func(a []byte) list { return list{{data: a[:len(a)-12]}} },
			want: counts{sent: 12, wrong: 12}, failure: bep15.ErrLength.Error()},
		{name: "no whole header", change: func(a []byte) list { return list{{data: a[:7]}} },
			want: counts{sent: 12, wrong: 12, lost: 12}},
		{name: "another transaction id", change: func(a []byte) list { a[5] ^= 1; return list{{data: a}} },
			want: counts{sent: 12, wrong: 12, lost: 12}},
		{name: "a source's own transaction id", change: func(a []byte) list { a[4] |= 0x80; return list{{data: a}} },
			want: counts{sent: 12, wrong: 12, lost: 12}},
		{name: "to another source", change: func(a []byte) list { return list{{data: a, to: 1}} },
			want: counts{sent: 12, wrong: 12, lost: 12}},
		{name: "twice", change: func(a []byte) list { return list{{data: a}, {data: a}} },
			want: counts{sent: 12, good: 12, wrong: 12}, failure: errUnasked.Error()},
		{name: "never", change: func([]byte) list { return nil },
			want: counts{sent: 12, lost: 12}, failure: errTimeout.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &memLink{latency: time.Millisecond, answer: udpTracker(c.change)}
			r, err := runOn(t, l, func(o *Options) {
				o.Window, o.Requests = 4, 12
				if c.mix != (Mix{}) {
					o.Mix = c.mix
				}
			})
			if countsOf(r) != c.want {
				t.Errorf("got %+v, want %+v", countsOf(r), c.want)
			}
			if answered := c.want.good+c.want.errors > 0; answered != (err == nil) {
				t.Errorf("got error %v", err)
			}
			if c.failure != "" && r.LastFailure != c.failure || r.LastError != c.refusal {
				t.Errorf("got %q and %q, want %q and %q", r.LastFailure, r.LastError, c.failure, c.refusal)
			}
		})
	}
}

func TestUDPLateAnswersAreLostAndNotWrong(t *testing.T) {
	l := &memLink{latency: 1500 * time.Millisecond, answer: udpTracker(good)}
	r, _ := runOn(t, l, func(o *Options) { o.Window, o.Requests = 4, 12 })
	if want := (counts{sent: 12, lost: 12}); countsOf(r) != want {
		t.Errorf("got %+v, want %+v", countsOf(r), want)
	}
}

func TestUDPCountsKindsAndPeers(t *testing.T) {
	l := &memLink{latency: time.Millisecond, answer: udpTracker(good)}
	r, err := runOn(t, l, func(o *Options) { o.Mix, o.Requests = DefaultOptions().Mix, 2000 })
	if err != nil || r.Good != 2000 || r.Connects+r.Announces+r.Scrapes != 2000 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if !near(int(r.Connects), 2000, 0.23) || !near(int(r.Scrapes), 2000, 0.02) || r.PeersPerReply != 2 {
		t.Errorf("%d connects, %d scrapes, %g peers a reply", r.Connects, r.Scrapes, r.PeersPerReply)
	}
}

func TestUDPConnectsAreSentAgain(t *testing.T) {
	tries := map[int]int{}
	l := &memLink{latency: time.Millisecond, answer: func(i int, packet []byte) []delivery {
		if isConnect(packet) && tries[i] < 2 {
			tries[i]++
			return nil
		}
		return good(answerUDP(packet))
	}}
	r, err := runOn(t, l, func(o *Options) { o.Requests = 100 })
	if want := (counts{sent: 100, good: 100}); err != nil || countsOf(r) != want {
		t.Errorf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	if len(tries) != 4 {
		t.Errorf("%d sources have connected, want 4", len(tries))
	}
}

func TestUDPWithoutConnectionIDsNothingIsSent(t *testing.T) {
	l := &memLink{answer: func(_ int, packet []byte) []delivery {
		if !isConnect(packet) {
			t.Error("something is sent without a connection id")
		}
		return nil
	}}
	r, err := runOn(t, l, func(*Options) {})
	if err == nil || !strings.Contains(err.Error(), "4 of 4 sources get no answer to a connect") || r.Sent != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	l = &memLink{refuse: errRefused}
	if _, err := runOn(t, l, func(*Options) {}); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want that no socket can be opened", err)
	}
}

// TestUDPConnectionIDs runs for an hour with a tracker that gives a new id
// every time, and looks at how old those in use are.
func TestUDPConnectionIDs(t *testing.T) {
	issued := map[uint64]time.Time{}
	var oldest time.Duration
	replaced, announces := 0, 0
	latest := map[int]uint64{}
	l := &memLink{latency: time.Millisecond, answer: func(i int, packet []byte) []delivery {
		h, _ := bep15.ParseRequestHeader(packet)
		if h.Action != bep15.ActionConnect {
			since := time.Since(issued[h.ConnectionID])
			oldest = max(oldest, since)
			announces++
			if h.ConnectionID != latest[i] {
				replaced++
			}
			return good(answerUDP(packet))
		}
		id := uint64(len(issued) + 1)
		issued[id], latest[i] = time.Now(), id
		return good(bep15.ConnectReply{TransactionID: h.TransactionID, ConnectionID: id}.Append(nil))
	}}
	r, err := runOn(t, l, func(o *Options) { o.Rate, o.Duration, o.OldIDs = 10, time.Hour, 0.5 })
	if want := (counts{sent: 36_000, good: 36_000}); err != nil || countsOf(r) != want {
		t.Fatalf("got %+v, %v, want %+v", countsOf(r), err, want)
	}
	if oldest < 4*time.Minute || oldest > 6*time.Minute {
		t.Errorf("the oldest id in use is from %v ago, want about 5 minutes", oldest)
	}
	if replaced < announces*4/10 || replaced > announces*6/10 {
		t.Errorf("%d of %d requests have an old id, want half", replaced, announces)
	}
}

func TestUDPSendsWhatThePlanSays(t *testing.T) {
	var got []bep15.AnnounceRequest
	l := &memLink{latency: time.Millisecond, answer: func(_ int, packet []byte) []delivery {
		if a, err := bep15.ParseAnnounceRequest(packet); err == nil {
			got = append(got, a)
		}
		return good(answerUDP(packet))
	}}
	var load Load
	_, err := runOn(t, l, func(o *Options) {
		o.URL, o.Requests, o.Window, load = "udp://127.0.0.1:1/announce?key=x", 50, 7, o.Load
	})
	if err != nil || len(got) != 50 {
		t.Fatalf("%d announces, %v", len(got), err)
	}
	for k, want := range requests(load, 50) {
		a := got[k]
		if a.InfoHash != tracker.InfoHash(want.InfoHashes) || a.Port != want.Port || a.PeerID != want.PeerID || a.Key != want.Key ||
			a.TrackerEvent() != want.Event || (a.Left == 0) != want.Seeder || a.NumWant != 50 || a.ConnectionID != 7 {
			t.Errorf("request %d is %+v, want %+v", k, a, want)
		}
		if url := bep15.URLData(a.Options); url != "/announce?key=x" {
			t.Errorf("request %d is for %q", k, url)
		}
	}
}
