package daemon

import (
	"net/netip"
	"slices"

	"keeptrack/tracker/http"
)

// announced is a part that clients announce to.
type announced interface {
	// announcedAt returns where it listens.
	announcedAt() []announcedTo
}

// announcedTo is where one kind of announces comes to.
type announcedTo struct {
	scheme string // of the URLs
	at     []netip.AddrPort
}

func (p udpPart) announcedAt() []announcedTo { return []announcedTo{{"udp", p.Addrs()}} }

func (p httpPart) announcedAt() (all []announcedTo) {
	for _, s := range p.servers {
		all = append(all, announcedTo{s.transport, s.Addrs()})
	}
	return all
}

// page returns what browsers are shown, nil if nothing.
func (d *Daemon) page() *http.Page {
	c := &d.config.HTTP
	if !c.Page {
		return nil
	}
	return &http.Page{Contact: c.Contact, Ports: d.announcedPorts}
}

// announcedPorts returns the ports that clients announce to, once all parts are made.
func (d *Daemon) announcedPorts() (all []http.Port) {
	for _, p := range d.front {
		part, is := p.(announced)
		if !is {
			continue
		}
		for _, to := range part.announcedAt() {
			for _, a := range to.at {
				all = withPort(all, http.Port{Scheme: to.scheme, Number: a.Port(), Local: a.Addr().IsLoopback()})
			}
		}
	}
	return all
}

// withPort adds a port that is not there yet. One is local if all of its addresses are.
func withPort(all []http.Port, port http.Port) []http.Port {
	i := slices.IndexFunc(all, func(p http.Port) bool { return p.Scheme == port.Scheme && p.Number == port.Number })
	if i < 0 {
		return append(all, port)
	}
	all[i].Local = all[i].Local && port.Local
	return all
}
