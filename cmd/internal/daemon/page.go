package daemon

import (
	"net/netip"
	"slices"

	"keeptrack/tracker/http"
)

// announced is a part that clients announce to.
type announced interface {
	// announcedAt returns the scheme of its announce URLs and where it listens.
	announcedAt() (scheme string, at []netip.AddrPort)
}

func (p udpPart) announcedAt() (string, []netip.AddrPort)  { return "udp", p.Addrs() }
func (p httpPart) announcedAt() (string, []netip.AddrPort) { return "http", p.Addrs() }

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
		scheme, at := part.announcedAt()
		for _, a := range at {
			port := http.Port{Scheme: scheme, Number: a.Port(), Local: a.Addr().IsLoopback()}
			i := slices.IndexFunc(all, func(p http.Port) bool { return p.Scheme == scheme && p.Number == port.Number })
			if i < 0 {
				all = append(all, port)
			} else {
				all[i].Local = all[i].Local && port.Local
			}
		}
	}
	return all
}
