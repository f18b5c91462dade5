package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestProcessPerReply(t *testing.T) {
	r := Report{Good: 1000, Seconds: 2}
	before := usage{user: time.Second, system: time.Second, resident: 10 << 20}
	after := usage{user: 1100 * time.Millisecond, system: 1300 * time.Millisecond, resident: 15 << 20}
	got := *r.process(7, before, after)
	if want := (Process{PID: 7, CPU: 400, User: 100, System: 300, Cores: 0.2, Resident: 15, Growth: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func sampleReport() *Report {
	l := newLedger(func() int64 { return int64(2 * time.Second) }, 1)
	l.good = [kinds]uint64{100, 800, 50}
	l.refused, l.wrong, l.lost, l.peers, l.next = 10, 3, 2, 1600, 965
	l.refusal, l.failure = []byte("no such thing\x00"), errors.New("HTTP status 503")
	l.lastReply = int64(2 * time.Second)
	for v := range int64(100) {
		l.latency.add(v * 1000)
	}
	o := DefaultOptions()
	o.URL, o.Rate = "udp://127.0.0.1:6969", 500
	r := newReport(&o, false, l, outcome{sending: int64(time.Second), unsent: 35})
	r.Tracker = r.process(42, usage{}, usage{user: 2 * time.Millisecond, system: 7500 * time.Microsecond, resident: 3 << 20})
	return &r
}

func TestReportAsText(t *testing.T) {
	const want = `load       udp://127.0.0.1:6969, 500 requests/s
sent       965 requests in 2.00 s
good       950 replies, 475/s (100 connects, 800 announces, 50 scrapes)
bad        10 errors, 3 wrong, 2 lost, 35 unsent
last error "no such thing"
last bad   HTTP status 503
peers      2.0 a reply
latency    p50 49, p90 89, p99 98, p99.9 99, max 99 µs
tracker    10.000 µs of CPU a reply (2.105 user, 7.895 system), 0.00 cores, 3.0 MiB resident (+3.0), process 42
`
	var b bytes.Buffer
	if err := sampleReport().WriteText(&b); err != nil || b.String() != want {
		t.Errorf("%v\ngot:\n%s\nwant:\n%s", err, b.String(), want)
	}
}

func TestReportAsJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sampleReport().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"sent": 965., "good": 950., "connects": 100., "announces": 800., "scrapes": 50., "errors": 10., "wrong": 3.,
		"lost": 2., "unsent": 35., "seconds": 2., "replies_per_second": 475., "peers_per_reply": 2., "rate": 500.,
		"url": "udp://127.0.0.1:6969", "last_error": "no such thing", "last_failure": "HTTP status 503",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	latency, _ := got["latency_us"].(map[string]any)
	tracker, _ := got["tracker"].(map[string]any)
	if latency["max"] != 99. || latency["p50"] == nil || latency["p99.9"] == nil || tracker["cpu_us_per_reply"] != 10. || tracker["resident_mib"] != 3. {
		t.Errorf("got %s", b.Bytes())
	}
	if _, ok := got["generator"]; ok {
		t.Error("there is a generator that was not measured")
	}
}

func TestReportNamesTheLoop(t *testing.T) {
	for _, c := range []struct {
		r    Report
		want string
	}{
		{Report{Window: 200}, "200 requests in flight"},
		{Report{Rate: 1e6}, "1000000 requests/s"},
		{Report{Rate: 20, Window: 64}, "20 requests/s on at most 64 connections"},
	} {
		if got := c.r.loop(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
