package daemon

import (
	"net/netip"
	"os"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/tracker"
	"keeptrack/tracker/udp"
)

// udpPart is the UDP front end.
type udpPart struct{ *udp.Server }

// bindUDP binds the sockets of the UDP front end, unless it is turned off.
func bindUDP(d *Daemon) error {
	c := &d.config.UDP
	if len(c.Listen) == 0 {
		return nil
	}
	o := udp.Options{
		Workers:              c.Workers,
		ReceiveBuffer:        c.ReceiveBuffer,
		BatchDelay:           c.BatchDelay,
		ConnectionIDLifetime: c.ConnectionIDLifetime,
		Secrets:              [][]byte{c.ConnectionSecret},
		Log:                  d.log,
	}
	sockets := new(udp.Sockets)
	d.atEnd(sockets.Close)
	d.whenLoaded(func() error {
		if c.ConnectionSecret == nil {
			o.Secrets = [][]byte{d.store.Secret()}
		}
		o.Busiest, o.Traces = d.busiest, &d.traces
		s, err := udp.New(o, sockets, d.tracker)
		if err != nil {
			return err
		}
		d.front = append(d.front, udpPart{s})
		return d.keySecrets(s)
	})
	return d.binder.Datagrams(c.Listen, func(addr netip.AddrPort, passed *os.File) error {
		return sockets.Open(o, addr, passed)
	})
}

func (p udpPart) describe(line *zerolog.Event) {
	var addrs []string
	for _, a := range p.Addrs() {
		addrs = append(addrs, a.String())
	}
	line.Strs("udp", addrs)
}

func (p udpPart) count(n *otstats.Numbers) {
	s := p.Stats()
	countUDP(n, &s.IPv4)
	countUDP(n, &s.IPv6)
}

// countUDP counts an announce that the access list refuses as answered, as
// opentracker does.
func countUDP(n *otstats.Numbers, u *udp.FamilyStats) {
	n.UDPPackets += u.Packets
	n.UDPConnects += u.Connects
	n.UDPAnnounces += u.Announces + u.Refused
	n.UDPScrapes += u.Scrapes
	n.UDPMismatches += u.StaleAnnounces + u.StaleScrapes + u.Dropped[udp.DropConnectionID]
}

var (
	metricUDPPackets  = counter("udp_packets_total", "Datagrams received.", "family")
	metricUDPDrops    = counter("udp_drops_total", "Datagrams not answered.", "family", "reason")
	metricUDPFailures = counter("udp_failures_total", "UDP requests that failed.", "family", "reason")
	metricUDPUnsent   = counter("udp_unsent_total", "UDP replies that the system refused to send.", "family")
)

func (p udpPart) collect(send sender) {
	s := p.Stats()
	collectUDP(tracker.IPv4, &s.IPv4, send)
	collectUDP(tracker.IPv6, &s.IPv6, send)
	send(metricKernelDrops, float64(s.IPv4.KernelDrops+s.IPv6.KernelDrops), "udp")
}

func collectUDP(f tracker.Family, u *udp.FamilyStats, send sender) {
	family := f.String()
	for _, r := range []struct {
		action, result string
		n              uint64
	}{
		{"connect", "ok", u.Connects},
		{"announce", "ok", u.Announces},
		{"announce", "failed", u.Refused + u.StaleAnnounces},
		{"scrape", "ok", u.Scrapes},
		{"scrape", "failed", u.StaleScrapes},
	} {
		send(metricRequests, float64(r.n), "udp", family, r.action, r.result)
	}
	send(metricUDPPackets, float64(u.Packets), family)
	for reason, n := range u.Dropped {
		send(metricUDPDrops, float64(n), family, udp.Drop(reason).String())
	}
	send(metricUDPFailures, float64(u.Refused), family, "refused")
	send(metricUDPFailures, float64(u.StaleAnnounces+u.StaleScrapes), family, "connection_id")
	send(metricUDPUnsent, float64(u.Unsent), family)
}
