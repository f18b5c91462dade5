// Package client asks a tracker, over UDP (BEP 15, BEP 41) or HTTP (BEP 3, 7,
// 23, 24, 48), as a BitTorrent client does. It is for trying trackers out, not
// for downloading.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"keeptrack/tracker"
)

// Request is an announce.
type Request struct {
	InfoHash tracker.InfoHash
	PeerID   [20]byte
	// Port is the port that the client says it listens on.
	Port uint16
	// Left is the number of bytes still missing; 0 makes a seeder.
	Left  uint64
	Event tracker.Event
	// NumWant is the number of peers wanted; negative leaves it to the tracker.
	NumWant int32
}

// Reply is the answer to an announce.
type Reply struct {
	Interval time.Duration
	// MinInterval is 0 if the tracker did not say; over UDP it never does.
	MinInterval       time.Duration
	Seeders, Leechers uint64
	// Downloaded is nil if the tracker did not say; over UDP it never does.
	Downloaded *uint64
	// ExternalIP is the client's address as the tracker sees it, invalid if
	// the tracker did not say; over UDP it never does.
	ExternalIP netip.Addr
	// Warning is what the tracker warns of, in its own words; over UDP it cannot.
	Warning string
	// Refused says that this is how a tracker refuses a torrent that cannot say so: over
	// UDP keeptrack answers with zeros and the longest interval that there is.
	Refused bool
	// Peers are in the order of the reply.
	Peers []netip.AddrPort
}

// Scraped is one torrent of a scrape's answer.
type Scraped struct {
	InfoHash tracker.InfoHash
	// Missing says that the tracker left the torrent out; the counts are 0.
	Missing                       bool
	Seeders, Leechers, Downloaded uint64
}

// Failure is a tracker's refusal in its own words.
type Failure struct{ Reason string }

// Error returns the reason after a few words that say where it comes from.
func (f *Failure) Error() string { return fmt.Sprintf("the tracker refuses: %q", f.Reason) }

// errScheme is returned for URLs that are none of a tracker.
var errScheme = errors.New("a tracker's URL starts with udp://, http:// or https://")

// CheckURL says whether Announce could ask the tracker at rawURL.
func CheckURL(rawURL string) error {
	_, err := parseURL(rawURL)
	return err
}

// Client says how trackers are asked. The zero value will do.
type Client struct {
	// Roots are whom certificates of https:// trackers have to come from; nil: whom the
	// system trusts.
	Roots *x509.CertPool
	// Address is the one of the tracker's that is asked, whatever addresses its name
	// has; invalid: any of those.
	Address netip.Addr
	// NoRedirects has a redirect be an error, as it is for many clients.
	NoRedirects bool
	// TLS is called with the connection before a request over https:// is sent; nil:
	// nobody asks.
	TLS func(tls.ConnectionState)
}

// Announce is Client.Announce for the zero Client.
func Announce(ctx context.Context, rawURL string, req Request) (Reply, error) {
	return new(Client).Announce(ctx, rawURL, req)
}

// Scrape is Client.Scrape for the zero Client.
func Scrape(ctx context.Context, rawURL string, hashes []tracker.InfoHash) ([]Scraped, error) {
	return new(Client).Scrape(ctx, rawURL, hashes)
}

// Announce announces to the tracker at rawURL and waits for the answer until
// ctx is done. The error is a *Failure if the tracker refuses.
func (c *Client) Announce(ctx context.Context, rawURL string, req Request) (Reply, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return Reply{}, err
	}
	if u.Scheme == "udp" {
		return c.announceUDP(ctx, u, req)
	}
	return c.announceHTTP(ctx, u, req)
}

// Scrape asks the tracker at rawURL for the counts of each of the hashes and
// returns them in the same order. The URL is the one to announce to, or the
// one to scrape. The error is a *Failure if the tracker refuses.
func (c *Client) Scrape(ctx context.Context, rawURL string, hashes []tracker.InfoHash) ([]Scraped, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "udp" {
		return c.scrapeUDP(ctx, u, hashes)
	}
	return c.scrapeHTTP(ctx, u, hashes)
}

// dial connects to a tracker's host and port.
func (c *Client) dial(ctx context.Context, network, host string) (net.Conn, error) {
	if c.Address.IsValid() {
		_, port, err := net.SplitHostPort(host)
		if err != nil {
			return nil, err
		}
		host = net.JoinHostPort(c.Address.String(), port)
	}
	return new(net.Dialer).DialContext(ctx, network, host)
}

func parseURL(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil && !strings.Contains(rawURL, "://") {
		return nil, fmt.Errorf("%s: %w", rawURL, errScheme)
	}
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "udp":
		if u.Port() == "" {
			return nil, fmt.Errorf("%s: a udp:// URL needs a port", rawURL)
		}
	case "http", "https":
	default:
		return nil, fmt.Errorf("%s: %w", rawURL, errScheme)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%s: no host", rawURL)
	}
	return u, nil
}
