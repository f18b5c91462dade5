package bench

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
)

// requestWriter writes HTTP requests (BEP 3, 23, 48) without allocating.
type requestWriter struct {
	announce, scrape string // up to the first parameter
	numWant          string // its parameter
	events           [len(Events{})]string
	tail             string // what follows the parameters
}

func newRequestWriter(u *url.URL, numWant int32, closes, scrapes bool) (*requestWriter, error) {
	path := u.EscapedPath()
	if path == "" || path == "/" {
		path = "/announce"
	}
	query := "?"
	if u.RawQuery != "" {
		query += u.RawQuery + "&"
	}
	scrape := strings.LastIndex(path, "/announce")
	if scrapes && (scrape < 0 || strings.Contains(path[scrape+1:], "/")) {
		return nil, fmt.Errorf("%s has no scrape, as its path does not end in /announce: leave scrapes out of the mix", u)
	}
	w := &requestWriter{
		announce: "GET " + path + query,
		tail:     " HTTP/1.1\r\nHost: " + u.Host + "\r\nUser-Agent: keeptrack\r\n",
	}
	if scrapes {
		w.scrape = "GET " + path[:scrape] + "/scrape" + path[scrape+len("/announce"):] + query
	}
	if closes {
		w.tail += "Connection: close\r\n"
	}
	w.tail += "\r\n"
	if numWant >= 0 {
		w.numWant = "&numwant=" + strconv.Itoa(int(numWant))
	}
	for e := range w.events {
		if e := tracker.Event(e); e != tracker.EventNone {
			w.events[e] = "&event=" + client.EventName(e)
		}
	}
	return w, nil
}

// append appends a request that is an announce or a scrape.
func (w *requestWriter) append(dst []byte, r *Request) []byte {
	if r.Kind == Scrape {
		return w.appendScrape(dst, r)
	}
	dst = append(dst, w.announce...)
	dst = append(dst, "info_hash="...)
	dst = appendEscaped(dst, r.InfoHashes)
	dst = append(dst, "&peer_id="...)
	dst = appendEscaped(dst, r.PeerID[:])
	dst = append(dst, "&port="...)
	dst = strconv.AppendUint(dst, uint64(r.Port), 10)
	dst = append(dst, "&uploaded=0&downloaded=0&left="...)
	dst = strconv.AppendUint(dst, r.left(), 10)
	dst = append(dst, "&key="...)
	dst = strconv.AppendUint(dst, uint64(r.Key), 16)
	dst = append(dst, "&compact=1"...)
	dst = append(dst, w.numWant...)
	dst = append(dst, w.events[r.Event]...)
	return append(dst, w.tail...)
}

func (w *requestWriter) appendScrape(dst []byte, r *Request) []byte {
	dst = append(dst, w.scrape...)
	for h := r.InfoHashes; len(h) > 0; h = h[len(tracker.InfoHash{}):] {
		dst = append(dst, "info_hash="...)
		dst = appendEscaped(dst, h[:len(tracker.InfoHash{})])
		dst = append(dst, '&')
	}
	return append(dst[:len(dst)-1], w.tail...)
}

// appendEscaped appends bytes with all but the unreserved ones escaped.
func appendEscaped(dst, bytes []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range bytes {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}
