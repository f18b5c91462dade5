package daemon

import (
	"context"
	"errors"
	"net/http"
	"time"

	"keeptrack/cmd/internal/admin"
	"keeptrack/tracker/busiest"
)

var errNotCounted = &admin.Refusal{Status: http.StatusConflict, Err: errors.New("requests are not sampled: set tracker.top_clients and restart")}

// busiestPart begins a window when it is time.
type busiestPart struct {
	silent
	*busiest.Busiest
}

// Run begins windows until ctx is done.
func (p busiestPart) Run(ctx context.Context) error {
	turns := time.NewTicker(busiest.Window)
	defer turns.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-turns.C:
			p.Turn(now)
		}
	}
}
