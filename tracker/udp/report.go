package udp

import (
	"net/netip"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/trace"
)

// report tells those who trace what has become of a datagram, right after it was
// answered. Nothing here is run while nobody traces.
func (h *handler) report(now time.Time, d *datagram) {
	client := netip.AddrPortFrom(netip.AddrFrom16(d.from.addr).Unmap(), d.from.port)
	announce, announceErr := bep15.ParseAnnounceRequest(d.packet)
	scrape, scrapeErr := bep15.ParseScrapeRequest(d.packet)
	var hashes []tracker.InfoHash
	if announceErr == nil {
		hashes = []tracker.InfoHash{announce.InfoHash}
	}
	if scrapeErr == nil {
		for i := range scrape.Len() {
			hashes = append(hashes, scrape.InfoHash(i))
		}
	}
	h.tracing.Report(client.Addr(), hashes, func() trace.Event {
		e := trace.Event{Time: now, Transport: "udp", Action: actionName(d.packet), Client: client.String()}
		if announceErr == nil {
			e.Announce = describe(&announce)
		}
		h.judge(&e, d)
		return e
	})
}

// actionName returns what a datagram asks for.
func actionName(packet []byte) string {
	header, err := bep15.ParseRequestHeader(packet)
	if err != nil || header.Action > bep15.ActionScrape {
		return "other"
	}
	return [...]string{bep15.ActionConnect: "connect", bep15.ActionAnnounce: "announce", bep15.ActionScrape: "scrape"}[header.Action]
}

func describe(r *bep15.AnnounceRequest) *trace.Announce {
	return &trace.Announce{
		Port: r.Port, PeerID: trace.IDText(r.PeerID[:]), Event: trace.EventName(r.TrackerEvent()),
		Left: &r.Left, Want: int(r.NumWant),
	}
}

// judge sets the outcome of the datagram that was handled last, and why.
func (h *handler) judge(e *trace.Event, d *datagram) {
	reply, err := bep15.ParseReplyHeader(d.reply)
	switch {
	case len(d.reply) == 0 && h.dropped == DropConnectionID:
		e.Outcome, e.Reason = trace.Dropped, h.dropped.String()
	case len(d.reply) == 0:
		e.Outcome, e.Reason = trace.Malformed, h.dropped.String()
	case err == nil && reply.Action == bep15.ActionError:
		e.Outcome, e.Reason = trace.Failed, DropConnectionID.String()
	case e.Announce != nil:
		e.Outcome, e.Reason = e.Announce.Answer(&h.announce, &h.reply)
	default:
		e.Outcome = trace.Answered
	}
}
