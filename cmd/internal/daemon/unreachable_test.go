package daemon

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// unreachableLine is what the log says of peers that are not stored.
type unreachableLine struct {
	Level     string
	Announces map[string]int
	MostFrom  string `json:"most_from"`
	FromThere int    `json:"from_there"`
}

// lineWriter has the lines that were written to it.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}

// TestUnreachableIsWarnedOfOnceAnHour announces from a container bridge, from a
// proxy on a unix socket, and without a port.
func TestUnreachableIsWarnedOfOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := tracker.New(tracker.Options{PeerTimeout: time.Hour}, time.Now())
		announce := func(n int, addr string, port uint16, through tracker.Rejection) {
			a := tracker.Announce{Peer: tracker.Peer{}, Through: through}
			if addr != "" {
				a.Peer = tracker.MakePeer(netip.MustParseAddr(addr), port)
			}
			for range n {
				tr.Announce(tr.Instant(time.Now()), &a, new(tracker.Reply))
			}
		}
		log := make(lineWriter, 10)
		w := unreachableWarner{tracker: tr, log: zerolog.New(log)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		lines := func() (all []unreachableLine) {
			synctest.Wait()
			for range len(log) {
				text, line := <-log, unreachableLine{}
				if err := json.Unmarshal([]byte(text), &line); err != nil || line.Level != "warn" {
					t.Fatalf("%s: %v", text, err)
				}
				all = append(all, line)
			}
			return all
		}
		expect := func(what, from string, there int, reasons map[string]int) {
			t.Helper()
			got := lines()
			if len(got) != 1 || got[0].MostFrom != from || got[0].FromThere != there || len(got[0].Announces) != len(reasons) {
				t.Fatalf("%s: logged %+v", what, got)
			}
			for reason, n := range reasons {
				if got[0].Announces[reason] != n {
					t.Errorf("%s: %s: %+v", what, reason, got)
				}
			}
		}

		announce(1, "192.0.3.1", 6881, tracker.NotRejected)
		time.Sleep(2 * time.Hour)
		if got := lines(); got != nil {
			t.Errorf("of a peer that is stored: %+v", got)
		}
		announce(9, "172.17.0.1", 6881, tracker.NotRejected)
		announce(3, "192.0.4.1", 0, tracker.NotRejected)
		time.Sleep(unreachableCheck)
		expect("at first", "172.17.0.0/24", 9, map[string]int{"address_not_public": 9, "port_zero": 3})

		announce(5, "", 0, tracker.RejectedUnnamed)
		announce(4, "192.0.5.1", 1, tracker.RejectedUntrusted)
		time.Sleep(unreachablePause - unreachableCheck)
		if got := lines(); got != nil {
			t.Errorf("within the hour: %+v", got)
		}
		time.Sleep(2 * unreachableCheck)
		expect("an hour later", "unix socket", 5, map[string]int{"proxy_names_no_client": 5, "proxy_not_trusted": 4})
		time.Sleep(3 * unreachablePause)
		if got := lines(); got != nil {
			t.Errorf("when there were no more: %+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
