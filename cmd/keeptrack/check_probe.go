package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
)

// certificateTime is how long a certificate has to be good for at least.
const certificateTime = 14 * 24 * time.Hour

// resolver is what check asks of the DNS; net.Resolver does.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// lookUp returns the addresses of a host, those of IPv4 first.
func (c *check) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	all, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = all[i].Unmap()
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all), nil
}

// dns returns what the DNS has against a tracker: an entry of BEP 34 that denies it, or
// that names other ports. Without one, everything is allowed.
func (c *check) dns(ctx context.Context, host string, targets []target) []string {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	entries, err := c.resolver.LookupTXT(ctx, host)
	if err != nil { // mostly that there are none
		return nil
	}
	for _, e := range entries {
		words := strings.Fields(e)
		if len(words) == 0 || words[0] != "BITTORRENT" {
			continue
		}
		if slices.Contains(words, "DENY") || len(words) == 1 {
			return []string{fmt.Sprintf("the DNS says that there is no tracker: TXT %q (BEP 34)", e)}
		}
		var against []string
		for _, t := range targets {
			protocol := "TCP"
			if t.url.Scheme == "udp" {
				protocol = "UDP"
			}
			if port := t.url.Port(); t.asked && port != "" && !slices.Contains(words, protocol+":"+port) {
				against = append(against, fmt.Sprintf("%s: the DNS names other ports: TXT %q (BEP 34)", t.url, e))
			}
		}
		return against
	}
	return nil
}

// probe is one way to a tracker that was tried.
type probe struct {
	URL     string     `json:"url"`
	Address netip.Addr `json:"address"`
	Works   bool       `json:"works"`
	Error   string     `json:"error,omitempty"`
	// Milliseconds is how long the first announce took, and Interval, in seconds, what
	// it was answered with.
	Milliseconds int64 `json:"milliseconds,omitempty"`
	Interval     int64 `json:"interval,omitempty"`
	// Against is what would be held against the tracker here, although it works.
	Against []string `json:"against,omitempty"`

	scheme      string
	asked       bool // it has to work
	unreachable bool // from this host
	untrusted   bool // its certificate is, or has expired
}

// where says which probe it is.
func (p *probe) where() string { return fmt.Sprintf("%s at %s", p.URL, p.Address) }

// probe tries each URL at each address, all at the same time.
func (c *check) probe(ctx context.Context, targets []target, addresses []netip.Addr) []probe {
	var probes []probe
	for _, t := range targets {
		for _, a := range addresses {
			probes = append(probes, probe{URL: t.url.String(), Address: a, scheme: t.url.Scheme, asked: t.asked})
		}
	}
	var trying sync.WaitGroup
	for i := range probes {
		trying.Go(func() { c.try(ctx, &probes[i]) })
	}
	trying.Wait()
	return probes
}

// try announces two peers of a torrent that does not exist, and stops them.
func (c *check) try(ctx context.Context, p *probe) {
	cl := *c.client
	cl.Address, cl.NoRedirects = p.Address, true
	cl.TLS = func(s tls.ConnectionState) { p.certificate(s, time.Now()) }
	var hash tracker.InfoHash
	rand.Read(hash[:])
	announce := func(port uint16, e tracker.Event) (client.Reply, error) {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		req := client.Request{InfoHash: hash, Port: port, Left: 1, Event: e, NumWant: -1}
		copy(req.PeerID[:], "-KT0001-"+rand.Text())
		return cl.Announce(ctx, p.URL, req)
	}
	began := time.Now()
	first, err := announce(6881, tracker.EventStarted)
	p.Milliseconds = time.Since(began).Milliseconds()
	if failure := (*client.Failure)(nil); errors.As(err, &failure) {
		p.fault("it serves listed torrents only: %q", failure.Reason) // private, or with an access list
	} else if err != nil {
		p.Error, p.unreachable = c.text(err), unreachableFrom(err)
		_, p.untrusted = errors.AsType[*tls.CertificateVerificationError](err)
		return
	}
	cl.TLS = nil // it was looked at
	p.Works, p.Interval = true, int64(first.Interval/time.Second)
	if err == nil {
		p.judge(&first)
	}
	if second, err := announce(6882, tracker.EventStarted); err == nil && len(second.Peers) == 0 && len(p.Against) == 0 {
		p.fault("it does not hand out the peer that announced just before")
	}
	for port := uint16(6881); port <= 6882; port++ {
		_, _ = announce(port, tracker.EventStopped) // or it times out there
	}
}

// text says in a few words why there was no answer.
func (c *check) text(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", c.timeout)
	}
	if unreachableFrom(err) {
		return "cannot be reached from this host"
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return "no answer: " + errno.Error()
	}
	return err.Error()
}

// judge notes what would be held against a tracker for its reply.
func (p *probe) judge(r *client.Reply) {
	switch {
	case r.Refused:
		p.fault("it serves listed torrents only")
	case r.Interval < tracker.ShortestInterval || r.Interval > tracker.LongestInterval:
		p.fault("the interval %v is not between %v and %v", r.Interval, tracker.ShortestInterval, tracker.LongestInterval)
	}
	if a := p.Address; a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		p.fault("the address is not public")
	}
}

// certificate notes what would be held against a tracker for its certificate, which is
// trusted.
func (p *probe) certificate(s tls.ConnectionState, now time.Time) {
	if end := s.PeerCertificates[0].NotAfter; end.Sub(now) < certificateTime {
		p.fault("its certificate expires on %s", end.UTC().Format(time.DateOnly))
	}
}

func (p *probe) fault(format string, args ...any) {
	p.Against = append(p.Against, fmt.Sprintf(format, args...))
}

// unreachableFrom reports whether an error is about this host, which has no way to an
// address.
func unreachableFrom(err error) bool {
	_, isOp := errors.AsType[*net.OpError](err)
	return isOp && (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL))
}
