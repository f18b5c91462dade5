package http

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"keeptrack/tracker"
)

// The replies are a few fixed dictionaries, so they are written straight into
// the reply's buffer. Keys are in byte order (BEP 3).

// What a scrape has before and after its rows (BEP 48). The end tells clients
// how many seconds they must wait at least until the next scrape.
const (
	scrapeStart = "d5:filesd"
	scrapeEnd   = "e5:flagsd20:min_request_intervali900eee"
)

// appendAnnounce appends the reply to an announce. The peers are in compact form
// (BEP 23, BEP 7) or a list of dictionaries; peer ids are not known and so not
// part of them. A client that is not stored is warned (BEP 3).
func appendAnnounce(dst []byte, r *tracker.Reply, a *tracker.Announce, dictionaries bool) []byte {
	dst = append(dst, "d8:complete"...)
	dst = appendInt(dst, uint64(r.Seeders))
	dst = append(dst, "10:downloaded"...)
	dst = appendInt(dst, r.Downloaded)
	dst = appendExternalIP(dst, a)
	dst = append(dst, "10:incomplete"...)
	dst = appendInt(dst, uint64(r.Leechers))
	dst = append(dst, "8:interval"...)
	dst = appendInt(dst, uint64(r.Interval))
	dst = append(dst, "12:min interval"...)
	dst = appendInt(dst, uint64(r.MinInterval))
	dst = append(dst, "5:peers"...)
	if dictionaries {
		dst = appendPeerList(dst, r)
	} else {
		dst = appendPeers(dst, r)
	}
	if text := warnings[r.Rejected]; text != "" {
		dst = append(dst, "15:warning message"...)
		dst = appendString(dst, text)
	}
	return append(dst, 'e')
}

// appendExternalIP appends the client's address in 4 or 16 bytes after its key
// (BEP 24), or nothing if the address is not known: that of a client whose proxy
// does not name it.
func appendExternalIP(dst []byte, a *tracker.Announce) []byte {
	client := a.Peer
	switch {
	case a.Through == tracker.RejectedUnnamed, client.Addr().IsUnspecified():
		return dst
	case client.Family() == tracker.IPv6:
		dst = append(dst, "11:external ip16:"...)
	default:
		dst = append(dst, "11:external ip4:"...)
	}
	return client.AppendAddr(dst)
}

// appendPeers appends the peers in compact form, after the key of the IPv4
// ones.
func appendPeers(dst []byte, r *tracker.Reply) []byte {
	dst = appendString(dst, r.Peers4)
	if len(r.Peers6) == 0 {
		return dst
	}
	dst = append(dst, "6:peers6"...)
	return appendString(dst, r.Peers6)
}

// appendPeerList appends the peers of both families as a list of dictionaries.
func appendPeerList(dst []byte, r *tracker.Reply) []byte {
	dst = append(dst, 'l')
	for p := r.Peers4; len(p) >= tracker.CompactSize4; p = p[tracker.CompactSize4:] {
		dst = appendPeer(dst, netip.AddrFrom4([4]byte(p)), binary.BigEndian.Uint16(p[4:]))
	}
	for p := r.Peers6; len(p) >= tracker.CompactSize6; p = p[tracker.CompactSize6:] {
		dst = appendPeer(dst, netip.AddrFrom16([16]byte(p)), binary.BigEndian.Uint16(p[16:]))
	}
	return append(dst, 'e')
}

func appendPeer(dst []byte, addr netip.Addr, port uint16) []byte {
	var text [len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]byte
	dst = append(dst, "d2:ip"...)
	dst = appendString(dst, addr.AppendTo(text[:0]))
	dst = append(dst, "4:port"...)
	dst = appendInt(dst, uint64(port))
	return append(dst, 'e')
}

// appendScrapeRow appends a torrent's row of a scrape (BEP 48, downloaders:
// BEP 21).
func appendScrapeRow(dst []byte, h *tracker.InfoHash, c tracker.Counts) []byte {
	dst = append(dst, "20:"...)
	dst = append(dst, h[:]...)
	dst = append(dst, "d8:complete"...)
	dst = appendInt(dst, uint64(c.Seeders))
	dst = append(dst, "10:downloaded"...)
	dst = appendInt(dst, c.Downloaded)
	dst = append(dst, "11:downloaders"...)
	dst = appendInt(dst, uint64(c.Downloaders))
	dst = append(dst, "10:incomplete"...)
	dst = appendInt(dst, uint64(c.Leechers))
	return append(dst, 'e')
}

// appendFailure appends the reply to a request that failed (BEP 3). The
// interval, in seconds, is what clients wait before they try again.
func appendFailure(dst []byte, f Failure, interval uint32) []byte {
	dst = append(dst, "d14:failure reason"...)
	dst = appendString(dst, f.Text())
	dst = append(dst, "8:interval"...)
	dst = appendInt(dst, uint64(interval))
	return append(dst, 'e')
}

func appendInt(dst []byte, n uint64) []byte {
	dst = append(dst, 'i')
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, 'e')
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = strconv.AppendUint(dst, uint64(len(s)), 10)
	dst = append(dst, ':')
	return append(dst, s...)
}
