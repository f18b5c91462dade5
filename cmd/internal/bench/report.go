package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"keeptrack/cmd/internal/printable"
)

// Report is what came of a run. Counts of requests are of those of the load: a
// UDP source's own connects are not in it.
type Report struct {
	URL string `json:"url"`
	// Rate is the requests a second asked for; 0 in the closed loop. Window is
	// the number of requests in flight, over HTTP that of connections; 0 if
	// there was no such bound.
	Rate   float64 `json:"rate,omitempty"`
	Window int     `json:"window,omitempty"`
	// Seconds go from the first request to the last reply or to the end of
	// sending, whatever was later.
	Seconds float64 `json:"seconds"`
	Sent    uint64  `json:"sent"`
	// Good replies, in all and by kind.
	Good      uint64 `json:"good"`
	Connects  uint64 `json:"connects"`
	Announces uint64 `json:"announces"`
	Scrapes   uint64 `json:"scrapes"`
	// Errors are replies that refuse the request, Wrong those that are none,
	// and Lost the requests without a reply in time.
	Errors uint64 `json:"errors"`
	Wrong  uint64 `json:"wrong"`
	Lost   uint64 `json:"lost"`
	// Unsent are the requests that were due in the open loop, but for which
	// this program was too slow or no connection was free.
	Unsent uint64 `json:"unsent"`
	// RepliesPerSecond counts good replies.
	RepliesPerSecond float64 `json:"replies_per_second"`
	// PeersPerReply is per good reply to an announce.
	PeersPerReply float64 `json:"peers_per_reply"`
	// Latency is of good replies and errors: in the open loop from when the
	// request was due, in the closed loop from when it was sent.
	Latency Latency `json:"latency_us"`
	// Attack is what came of the attack, nil if there was none.
	Attack *Attack `json:"attack,omitempty"`
	// Tracker is the process asked about, Generator this one; nil if not known.
	Tracker   *Process `json:"tracker,omitempty"`
	Generator *Process `json:"generator,omitempty"`
	// LastError is what the tracker said when it last refused, LastFailure what
	// was wrong with the last request that was wrong or lost.
	LastError   string `json:"last_error,omitempty"`
	LastFailure string `json:"last_failure,omitempty"`
}

// Latency holds percentiles and the maximum in microseconds, to about 1.5 %.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// Process is what a process used during a run.
type Process struct {
	PID int `json:"pid"`
	// CPU is user and system time in microseconds per good reply.
	CPU    float64 `json:"cpu_us_per_reply"`
	User   float64 `json:"user_us_per_reply"`
	System float64 `json:"system_us_per_reply"`
	// Cores is how many were busy on average.
	Cores float64 `json:"cores"`
	// Resident is the memory at the end, Growth what the run has added to it.
	Resident float64 `json:"resident_mib"`
	Growth   float64 `json:"growth_mib"`
}

// newReport puts together what the ledger says.
func newReport(o *Options, stream bool, l *ledger, out outcome) Report {
	elapsed := time.Duration(max(l.lastReply, out.sending, 1))
	r := Report{
		URL:       o.URL,
		Rate:      o.Rate,
		Seconds:   elapsed.Seconds(),
		Sent:      l.next,
		Connects:  l.good[Connect],
		Announces: l.good[Announce],
		Scrapes:   l.good[Scrape],
		Good:      l.good[Connect] + l.good[Announce] + l.good[Scrape],
		Errors:    l.refused,
		Wrong:     l.wrong,
		Lost:      l.lost,
		Unsent:    out.unsent,
		Latency: Latency{
			P50:  micros(l.latency.quantile(0.5)),
			P90:  micros(l.latency.quantile(0.9)),
			P99:  micros(l.latency.quantile(0.99)),
			P999: micros(l.latency.quantile(0.999)),
			Max:  micros(l.latency.max),
		},
		LastError: strings.TrimRight(string(l.refusal), "\x00"),
	}
	if stream || o.Rate == 0 {
		r.Window = o.Window
	}
	r.RepliesPerSecond = float64(r.Good) / r.Seconds
	r.PeersPerReply = float64(l.peers) / float64(max(r.Announces, 1))
	if l.failure != nil {
		r.LastFailure = l.failure.Error()
	}
	return r
}

// process returns what a process has used between two readings.
func (r *Report) process(pid int, before, after usage) *Process {
	const mib = 1 << 20
	per := func(d time.Duration) float64 {
		if r.Good == 0 {
			return 0
		}
		return micros(int64(d)) / float64(r.Good)
	}
	user, system := after.user-before.user, after.system-before.system
	return &Process{
		PID:      pid,
		CPU:      per(user + system),
		User:     per(user),
		System:   per(system),
		Cores:    (user + system).Seconds() / r.Seconds,
		Resident: float64(after.resident) / mib,
		Growth:   float64(after.resident-before.resident) / mib,
	}
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error { return printable.JSON(w, r) }

// WriteText writes the report for people, one subject a line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "load       %s, %s\n", r.URL, r.loop())
	fmt.Fprintf(&b, "sent       %d requests in %.2f s\n", r.Sent, r.Seconds)
	fmt.Fprintf(&b, "good       %d replies, %.0f/s (%d connects, %d announces, %d scrapes)\n",
		r.Good, r.RepliesPerSecond, r.Connects, r.Announces, r.Scrapes)
	fmt.Fprintf(&b, "bad        %d errors, %d wrong, %d lost, %d unsent\n", r.Errors, r.Wrong, r.Lost, r.Unsent)
	if r.LastError != "" {
		fmt.Fprintf(&b, "last error %q\n", r.LastError)
	}
	if r.LastFailure != "" {
		fmt.Fprintf(&b, "last bad   %s\n", printable.Text(r.LastFailure))
	}
	fmt.Fprintf(&b, "peers      %.1f a reply\n", r.PeersPerReply)
	fmt.Fprintf(&b, "latency    p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, max %.0f µs\n",
		r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Latency.P999, r.Latency.Max)
	if a := r.Attack; a != nil {
		fmt.Fprintf(&b, "attack     %d datagrams, %.0f/s, %d bytes, %d unsent; %d answers, %d bytes\n",
			a.Sent, float64(a.Sent)/r.Seconds, a.SentBytes, a.Unsent, a.Answers, a.AnswerBytes)
	}
	if r.Tracker != nil {
		fmt.Fprintf(&b, "tracker    %s\n", r.Tracker)
	}
	if r.Generator != nil {
		fmt.Fprintf(&b, "generator  %s\n", r.Generator)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) loop() string {
	rate := strconv.FormatFloat(r.Rate, 'f', -1, 64) + " requests/s"
	switch {
	case r.Rate > 0 && r.Window > 0:
		return fmt.Sprintf("%s on at most %d connections", rate, r.Window)
	case r.Rate > 0:
		return rate
	}
	return fmt.Sprintf("%d requests in flight", r.Window)
}

// String returns the figures in one line.
func (p *Process) String() string {
	return fmt.Sprintf("%.3f µs of CPU a reply (%.3f user, %.3f system), %.2f cores, %.1f MiB resident (%+.1f), process %d",
		p.CPU, p.User, p.System, p.Cores, p.Resident, p.Growth, p.PID)
}

func micros(ns int64) float64 { return float64(ns) / 1e3 }
