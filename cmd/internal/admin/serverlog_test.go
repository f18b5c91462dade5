package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// TestServerErrorsAreLogged holds that what net/http itself finds wrong, and what
// keeps metrics from being gathered, is not left to the debug level.
func TestServerErrorsAreLogged(t *testing.T) {
	broken := prometheus.NewRegistry()
	broken.MustRegister(noNumbers{})
	for path, want := range map[string]string{
		"/stats":   "superfluous response.WriteHeader",
		"/metrics": "no numbers today",
	} {
		t.Run(path, func(t *testing.T) {
			var log bytes.Buffer
			client := onPipe(t, Options{
				Log: zerolog.New(&log),
				Stats: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusOK)
					w.WriteHeader(http.StatusNotFound)
				}),
				Metrics: broken,
			})
			client.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprintf(client, "GET %s HTTP/1.0\r\n\r\n", path)
			if _, err := io.ReadAll(client); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); !strings.Contains(got, `"level":"warn"`) || !strings.Contains(got, want) {
				t.Errorf("logged %s", got)
			}
		})
	}
}

// noNumbers is a collector that has none.
type noNumbers struct{}

func (noNumbers) Describe(chan<- *prometheus.Desc) {}
func (noNumbers) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.NewInvalidMetric(prometheus.NewDesc("n", "n", nil, nil), errors.New("no numbers today"))
}

// TestConnectionsThatCannotBeAccepted holds that the log is not filled with them.
func TestConnectionsThatCannotBeAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := New(Options{Log: zerolog.New(&log)})
		done := make(chan error, 1)
		go func() { done <- s.server.Serve(failingListener{time.Now().Add(150 * time.Second)}) }()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		warnings, rest := 0, 0
		for line := range strings.Lines(log.String()) {
			switch {
			case !strings.Contains(line, "out of descriptors"):
				t.Errorf("logged %s", line)
			case strings.Contains(line, `"level":"warn"`):
				warnings++
			default:
				rest++
			}
		}
		if warnings != 3 || rest < 100 {
			t.Errorf("%d warnings, %d lines besides; want 3 in 150 s, and all others at the debug level", warnings, rest)
		}
	})
}

// failingListener accepts nothing, and is closed at a time.
type failingListener struct{ until time.Time }

func (l failingListener) Accept() (net.Conn, error) {
	if time.Now().Before(l.until) {
		return nil, outOfDescriptors{}
	}
	return nil, net.ErrClosed
}

func (failingListener) Close() error   { return nil }
func (failingListener) Addr() net.Addr { return &net.UnixAddr{Net: "pipe"} }

// outOfDescriptors is an error that passes.
type outOfDescriptors struct{}

func (outOfDescriptors) Error() string   { return "out of descriptors" }
func (outOfDescriptors) Timeout() bool   { return false }
func (outOfDescriptors) Temporary() bool { return true }
