package otstats

import (
	"encoding/binary"
	"fmt"

	"keeptrack/tracker"
)

// formats are the dumps of the mode tpbs by format. There is no default.
var formats = map[string]dump{
	"txt":  dumpCounts("", appendText, ""),
	"txtp": dumpCounts("", appendTextPlus, ""),
	"url":  dumpCounts("", appendURL, ""),
	"ben":  dumpCounts("d5:filesd", appendBencode, "ee"),
	"bin":  dumpCounts("", appendBinary, ""),
}

// appendState appends HASH:base:downloaded, where base is the last announce in
// minutes since 1970-01-01 UTC.
func appendState(dst []byte, r *tracker.Record) []byte {
	return fmt.Appendf(dst, "%X:%d:%d\n", r.InfoHash[:], r.LastAnnounce, r.Downloaded)
}

// appendText appends HASH:seeders:leechers.
func appendText(dst []byte, t *tracker.Scraped) []byte {
	return fmt.Appendf(dst, "%X:%d:%d\n", t.InfoHash[:], t.Counts.Seeders, t.Counts.Leechers)
}

// appendTextPlus appends HASH:seeders:leechers:downloaded.
func appendTextPlus(dst []byte, t *tracker.Scraped) []byte {
	return fmt.Appendf(dst, "%X:%d:%d:%d\n", t.InfoHash[:], t.Counts.Seeders, t.Counts.Leechers, t.Counts.Downloaded)
}

// appendURL appends the info hash, escaped for a URL as opentracker does, and
// :seeders:leechers.
func appendURL(dst []byte, t *tracker.Scraped) []byte {
	for _, b := range t.InfoHash {
		if plain(b) {
			dst = append(dst, b)
		} else {
			dst = fmt.Appendf(dst, "%%%02x", b)
		}
	}
	return fmt.Appendf(dst, ":%d:%d\n", t.Counts.Seeders, t.Counts.Leechers)
}

// plain says that opentracker does not escape b.
func plain(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '-' <= b && b <= '9': // - . / and digits
		return true
	}
	return b == '$' || b == '=' || b == '_' || b == '~'
}

// appendBencode appends the torrent as in the reply to a full scrape (BEP 48).
func appendBencode(dst []byte, t *tracker.Scraped) []byte {
	dst = append(append(dst, "20:"...), t.InfoHash[:]...)
	return fmt.Appendf(dst, "d8:completei%de10:downloadedi%de10:incompletei%dee",
		t.Counts.Seeders, t.Counts.Downloaded, t.Counts.Leechers)
}

// appendBinary appends 28 bytes: the info hash, seeders and leechers in network
// order.
func appendBinary(dst []byte, t *tracker.Scraped) []byte {
	dst = append(dst, t.InfoHash[:]...)
	dst = binary.BigEndian.AppendUint32(dst, t.Counts.Seeders)
	return binary.BigEndian.AppendUint32(dst, t.Counts.Leechers)
}
