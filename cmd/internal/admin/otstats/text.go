package otstats

import "fmt"

// texts are the modes that answer with a text, by name.
var texts = map[string]func(dst []byte, n *Numbers, s Source) []byte{
	"peer": func(dst []byte, n *Numbers, _ Source) []byte { return appendServing(dst, n, n.Peers, n.Seeds) },
	"torr": func(dst []byte, n *Numbers, _ Source) []byte { return appendServing(dst, n, n.Torrents, 0) },
	"conn": func(dst []byte, n *Numbers, _ Source) []byte {
		return appendRates(dst, n, "connections", n.TCPAccepts+n.UDPPackets, n.answered())
	},
	"udp4": func(dst []byte, n *Numbers, _ Source) []byte {
		return appendRates(dst, n, "udp4 stats", n.UDPPackets, n.UDPAnnounces+n.UDPConnects)
	},
	"tcp4": func(dst []byte, n *Numbers, _ Source) []byte {
		return appendRates(dst, n, "tcp4 stats", n.TCPAccepts, n.TCPAnnounces)
	},
	"scrp":       appendScrapes,
	"completed":  appendCompleted,
	"syncs":      appendSyncs,
	"renew":      appendRenewed,
	"herr":       appendErrors,
	"version":    func(dst []byte, n *Numbers, _ Source) []byte { return appendVersion(dst, n) },
	"everything": appendEverything,
	"top10":      func(dst []byte, _ *Numbers, s Source) []byte { return appendTop(dst, s, 10) },
	"top100":     func(dst []byte, _ *Numbers, s Source) []byte { return appendTop(dst, s, 100) },
}

// answered counts what opentracker calls a success.
func (n *Numbers) answered() uint64 { return n.TCPAnnounces + n.UDPAnnounces + n.UDPConnects }

// perSecond returns count for a second of the uptime, rounded down. The first
// second counts as one.
func (n *Numbers) perSecond(count uint64) uint64 { return count / max(uint64(n.Uptime), 1) }

// appendServing appends two numbers in the form that MRTG reads.
func appendServing(dst []byte, n *Numbers, first, second uint64) []byte {
	return fmt.Appendf(dst, "%d\n%d\nopentracker serving %d torrents\nopentracker", first, second, n.Torrents)
}

func appendUptime(dst []byte, n *Numbers) []byte {
	return fmt.Appendf(dst, "%d seconds (%d hours)\n", n.Uptime, n.Uptime/3600)
}

func appendRates(dst []byte, n *Numbers, what string, all, answered uint64) []byte {
	dst = appendUptime(fmt.Appendf(dst, "%d\n%d\n", all, answered), n)
	return appendRateLine(dst, n, what, all, answered)
}

func appendRateLine(dst []byte, n *Numbers, what string, all, answered uint64) []byte {
	return fmt.Appendf(dst, "opentracker %s, %d conns/s :: %d success/s.", what, n.perSecond(all), n.perSecond(answered))
}

func appendScrapes(dst []byte, n *Numbers, _ Source) []byte {
	dst = appendUptime(fmt.Appendf(dst, "%d\n%d\n", n.TCPScrapes, n.UDPScrapes), n)
	return fmt.Appendf(dst, "opentracker scrape stats, %d scrape/s (tcp and udp)", n.perSecond(n.TCPScrapes+n.UDPScrapes))
}

func appendCompleted(dst []byte, n *Numbers, _ Source) []byte {
	dst = appendUptime(fmt.Appendf(dst, "%d\n0\n", n.Completed), n)
	return fmt.Appendf(dst, "opentracker, %d completed/h.", n.Completed/max(uint64(n.Uptime)/3600, 1))
}

// appendSyncs ends with the line of the mode conn, as opentracker has it.
func appendSyncs(dst []byte, n *Numbers, _ Source) []byte {
	dst = appendUptime(fmt.Appendf(dst, "%d\n0\n", n.Synced), n)
	return appendRateLine(dst, n, "connections", n.TCPAccepts+n.UDPPackets, n.answered())
}

func appendRenewed(dst []byte, n *Numbers, _ Source) []byte {
	for minutes, count := range n.Renewed {
		dst = fmt.Appendf(dst, "%02d %d\n", minutes, count)
	}
	return dst
}

// appendErrors gives each line the number that its label asks for. opentracker
// has seven labels for nine numbers and shows others from the fifth line on.
func appendErrors(dst []byte, n *Numbers, _ Source) []byte {
	for _, line := range []struct {
		label string
		of    Error
	}{
		{"302 RED", ErrorRedirect},
		{"400 ...", ErrorParse},
		{"400 PAR", ErrorParameter},
		{"400 COM", ErrorCompact},
		{"403 IP ", ErrorDenied},
		{"404 INV", ErrorNotFound},
		{"500 SRV", ErrorServer},
	} {
		dst = fmt.Appendf(dst, "%s %d\n", line.label, n.Errors[line.of])
	}
	return dst
}

func appendVersion(dst []byte, n *Numbers) []byte {
	return fmt.Appendf(dst, "keeptrack %s\n", n.Version)
}
