package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keeptrack/cmd/internal/printable"
	"keeptrack/tracker"
	"keeptrack/tracker/bencode"
)

// maxBody is the most bytes of an answer that are read: far more than 200
// peers or 74 torrents need.
const maxBody = 1 << 20

func (c *Client) announceHTTP(ctx context.Context, u *url.URL, req Request) (Reply, error) {
	var q query
	q.add("info_hash", string(req.InfoHash[:]))
	q.add("peer_id", string(req.PeerID[:]))
	q.add("port", strconv.Itoa(int(req.Port)))
	q.add("uploaded", "0")
	q.add("downloaded", "0")
	q.add("left", strconv.FormatUint(req.Left, 10))
	q.add("compact", "1")
	if req.Event != tracker.EventNone {
		q.add("event", EventName(req.Event))
	}
	if req.NumWant >= 0 {
		q.add("numwant", strconv.Itoa(int(req.NumWant)))
	}
	dict, err := c.fetch(ctx, q.appendTo(u))
	if err != nil {
		return Reply{}, err
	}
	return parseAnnounceBody(dict)
}

func (c *Client) scrapeHTTP(ctx context.Context, u *url.URL, hashes []tracker.InfoHash) ([]Scraped, error) {
	u, err := scrapeURL(u)
	if err != nil {
		return nil, err
	}
	rows := make([]Scraped, 0, len(hashes))
	for len(hashes) > 0 {
		group := hashes[:min(tracker.MaxScrape, len(hashes))]
		hashes = hashes[len(group):]
		var q query
		for _, h := range group {
			q.add("info_hash", string(h[:]))
		}
		dict, err := c.fetch(ctx, q.appendTo(u))
		if err != nil {
			return nil, err
		}
		if rows, err = parseScrapeBody(rows, group, dict); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// maxFullScrape is the most bytes of a full scrape that are read: of some ten million
// torrents.
const maxFullScrape = 1 << 30

// FullScrape asks the tracker at rawURL, which is one of HTTP, for all of its torrents and
// returns their info hashes, in the tracker's order. Few trackers allow that. It gives up
// when nothing has come for patience: the whole may take long. The error is a *Failure if
// the tracker refuses.
func (c *Client) FullScrape(ctx context.Context, rawURL string, patience time.Duration) ([]tracker.InfoHash, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "udp" {
		return nil, errors.New("a tracker lists its torrents only over HTTP")
	}
	if u, err = scrapeURL(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(patience, cancel)
	body, err := c.get(ctx, u.String(), maxFullScrape, func() { silence.Reset(patience) })
	if stopped := silence.Stop(); err != nil && !stopped {
		return nil, fmt.Errorf("nothing came from %s for %v", u.Host, patience)
	}
	if err != nil {
		return nil, err
	}
	var hashes []tracker.InfoHash
	var failure string
	r := bencode.NewReader(body)
	r.Dictionary(func(key []byte) {
		switch string(key) {
		case "files":
			r.Dictionary(func(key []byte) {
				if r.Skip(); len(key) == len(tracker.InfoHash{}) {
					hashes = append(hashes, tracker.InfoHash(key))
				}
			})
		case "failure reason":
			failure = string(r.Text())
		default:
			r.Skip()
		}
	})
	switch err := r.End(); {
	case err != nil:
		return nil, fmt.Errorf("the tracker's answer: %w", err)
	case failure != "":
		return nil, &Failure{failure}
	}
	return hashes, nil
}

// scrapeURL turns the URL to announce to into the one to scrape: its path's
// last element starts with "announce", in place of which comes "scrape"
// (BEP 48). A slash at the end does not count. A URL to scrape stays as it is.
func scrapeURL(u *url.URL) (*url.URL, error) {
	path := strings.TrimSuffix(u.Path, "/")
	start := strings.LastIndexByte(path, '/') + 1
	last := path[start:]
	if strings.HasPrefix(last, "scrape") {
		return u, nil
	}
	rest, ok := strings.CutPrefix(last, "announce")
	if !ok {
		return nil, fmt.Errorf("%s has no scrape: its path's last element is not announce", u)
	}
	s := *u
	s.Path = path[:start] + "scrape" + rest + u.Path[len(path):]
	s.RawPath = ""
	return &s, nil
}

// http returns what sends requests.
func (c *Client) http() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = c.dial
	t.TLSClientConfig = &tls.Config{RootCAs: c.Roots}
	if c.TLS != nil {
		t.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
			c.TLS(s)
			return nil
		}
	}
	hc := &http.Client{Transport: t}
	if c.NoRedirects {
		hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return hc
}

// alive is a reader that calls a function before each read.
type alive struct {
	io.Reader
	call func()
}

func (a alive) Read(b []byte) (int, error) {
	a.call()
	return a.Reader.Read(b)
}

// get returns the body that the tracker answers with, of at most limit bytes. progress is
// called before each read of it.
func (c *Client) get(ctx context.Context, rawURL string, limit int64, progress func()) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "keeptrack")
	req.Close = true
	resp, err := c.http().Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL is long and full of escapes
		}
		return nil, fmt.Errorf("no answer from %s: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the tracker answers %s", printable.Text(resp.Status))
	}
	body, err := io.ReadAll(io.LimitReader(alive{resp.Body, progress}, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the tracker's answer is longer than %d bytes", limit)
	}
	return body, nil
}

// fetch returns the dictionary that the tracker answers with.
func (c *Client) fetch(ctx context.Context, rawURL string) (map[string]any, error) {
	body, err := c.get(ctx, rawURL, maxBody, func() {})
	if err != nil {
		return nil, err
	}
	v, err := bencode.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("the tracker's answer: %w", err)
	}
	dict, ok := v.(map[string]any)
	if !ok {
		return nil, errBody
	}
	if reason, ok := dict["failure reason"].(string); ok {
		return nil, &Failure{reason}
	}
	return dict, nil
}

// query is a URL's query. Trackers parse it byte by byte, so every byte but
// the unreserved ones is escaped, and a space is never a plus.
type query struct{ b strings.Builder }

func (q *query) add(key, value string) {
	const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if q.b.Len() > 0 {
		q.b.WriteByte('&')
	}
	q.b.WriteString(key)
	q.b.WriteByte('=')
	for i := range len(value) {
		if strings.IndexByte(unreserved, value[i]) >= 0 {
			q.b.WriteByte(value[i])
		} else {
			fmt.Fprintf(&q.b, "%%%02X", value[i])
		}
	}
}

// appendTo returns the URL with the query after what query it has: some
// trackers keep a passkey there.
func (q *query) appendTo(u *url.URL) string {
	s := *u
	if s.RawQuery != "" {
		s.RawQuery += "&"
	}
	s.RawQuery += q.b.String()
	s.Fragment = ""
	return s.String()
}
