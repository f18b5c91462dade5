package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keeptrack/cmd/internal/printable"
)

// client gives up if the server takes too long to begin; a backup may then take
// as long as it needs.
var client = &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: time.Minute}}

// reach returns a client for a base, and the URL that the client knows it by.
func reach(base string) (*http.Client, string) {
	path, isUnix := strings.CutPrefix(base, "unix:")
	if !isUnix {
		return client, base
	}
	transport := client.Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &http.Client{Transport: transport}, "http://localhost"
}

// FetchBackup writes a copy of the database of the daemon whose admin address
// has the URL base, or is the unix socket "unix:PATH", to w. Only if it returns
// nil the copy is whole.
func FetchBackup(ctx context.Context, base, token string, w io.Writer) error {
	client, root := reach(base)
	address, err := url.JoinPath(root, "api/v1/backup")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the admin address %s cannot be reached: %w", base, errors.Unwrap(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon at %s refused a backup: %s: %s", base, printable.Text(res.Status), reasonIn(res.Body))
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("the backup from %s is not whole: %w", base, err)
	}
	return nil
}

// reasonIn returns what a reply says went wrong: ours in JSON, a proxy's as it
// is.
func reasonIn(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 1<<10)) // as much as there is
	var reply struct{ Error string }
	if json.Unmarshal(text, &reply) == nil {
		return printable.Text(reply.Error)
	}
	return printable.Text(strings.TrimSpace(string(text)))
}
