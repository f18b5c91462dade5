package admin

import (
	"bufio"
	"cmp"
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

// maxReply bounds the bytes of a JSON reply that a Client reads.
const maxReply = 64 << 20

// answering gives up if the server takes too long to begin; a backup may then take
// as long as it needs.
var answering = &http.Transport{ResponseHeaderTimeout: time.Minute}

// Client asks the admin address of one daemon.
type Client struct {
	base  string // as the operator names it
	root  string // the URL that http knows it by
	token string // empty: none is sent
	http  *http.Client
}

// NewClient returns a client for the daemon whose admin address has the URL base, or
// is the unix socket "unix:PATH".
func NewClient(base, token string) *Client {
	c := &Client{base: base, root: base, token: token, http: &http.Client{Transport: answering}}
	if path, isUnix := strings.CutPrefix(base, "unix:"); isUnix {
		transport := answering.Clone()
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		c.root, c.http = "http://localhost", &http.Client{Transport: transport}
	}
	return c
}

// Base returns the address as the operator names it.
func (c *Client) Base() string { return c.base }

// RefusedError is a reply that is not what was asked for.
type RefusedError struct {
	Status int    // of HTTP
	text   string // says all of it
}

func (e *RefusedError) Error() string { return e.text }

// Do sends a request for a path below /api/v1/ and decodes the JSON of the reply into
// it, unless that is nil. A reply with another status than 200 is a *RefusedError.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, into any) error {
	res, err := c.send(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReply)).Decode(into); err != nil {
		return fmt.Errorf("the answer of %s is not a daemon's: %w", c.base, err)
	}
	return nil
}

// Ready returns what /readyz says, and whether the daemon is ready.
func (c *Client) Ready(ctx context.Context) (text string, ready bool, err error) {
	res, err := c.request(ctx, http.MethodGet, "readyz", nil)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	return reasonIn(res.Body), res.StatusCode == http.StatusOK, nil
}

// Alive returns nil if the daemon answers /healthz.
func (c *Client) Alive(ctx context.Context) error {
	res, err := c.request(ctx, http.MethodGet, "healthz", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: not a daemon's admin address", c.base, printable.Text(res.Status))
	}
	return nil
}

// Backup writes a copy of the daemon's database to w. Only if it returns nil the copy
// is whole.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, "backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("the backup from %s is incomplete: %w", c.base, err)
	}
	return nil
}

// Trace has the daemon tell of requests, as GET /api/v1/trace does with the parameters in
// query, and calls each with every line of JSON until there are no more. The line is good
// until each returns.
func (c *Client) Trace(ctx context.Context, query url.Values, each func(line []byte) error) error {
	res, err := c.send(ctx, http.MethodGet, "trace", query)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 { // the trace is alive, and has nothing to tell
			continue
		}
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the trace from %s was cut off: %w", c.base, err)
	}
	return nil
}

// send sends a request for a path below /api/v1/ and returns the reply, whose status
// is 200.
func (c *Client) send(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	res, err := c.request(ctx, method, "api/v1/"+path, query)
	if err != nil || res.StatusCode == http.StatusOK {
		return res, err
	}
	defer res.Body.Close()
	text := fmt.Sprintf("the daemon at %s refuses: %s: %s", c.base, printable.Text(res.Status), reasonIn(res.Body))
	return nil, &RefusedError{res.StatusCode, text}
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	address, err := url.JoinPath(c.root, path)
	if err != nil {
		return nil, err
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the admin address %s cannot be reached: %w", c.base, cmp.Or(errors.Unwrap(err), err))
	}
	return res, nil
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
