package bench

import (
	"bytes"
	"errors"

	"keeptrack/tracker"
	"keeptrack/tracker/bencode"
)

// What can be wrong with the body of an HTTP reply.
var (
	errBencode  = errors.New("an answer that is not bencoded")
	errAnnounce = errors.New("not an answer to an announce")
	errScrape   = errors.New("not an answer to a scrape")
)

// readerOf returns a reader of a body. aquatic_http ends it with a line break, which clients
// pass over.
func readerOf(body []byte) bencode.Reader {
	return bencode.NewReader(bytes.TrimSuffix(body, []byte("\r\n")))
}

// checkAnnounce checks the body of the answer to an announce: a dictionary with
// an interval and with peers of whole size (BEP 3, 7, 23). It returns the number
// of peers, or the failure reason if there is one.
func checkAnnounce(body []byte) (peers int, failure []byte, err error) {
	r := readerOf(body)
	var interval, list, partial bool
	count := func(size int) {
		n, whole := readPeers(&r, size)
		peers += n
		partial = partial || !whole
	}
	r.Dictionary(func(key []byte) {
		switch string(key) {
		case "failure reason":
			failure = r.Text()
		case "interval":
			interval = r.Kind() == 'i'
			r.Skip()
		case "peers":
			list = true
			count(tracker.CompactSize4)
		case "peers6":
			count(tracker.CompactSize6)
		default:
			r.Skip()
		}
	})
	switch {
	case r.End() != nil:
		return 0, nil, errBencode
	case failure != nil:
		return 0, failure, nil
	case !interval || !list || partial:
		return 0, nil, errAnnounce
	}
	return peers, nil, nil
}

// checkScrape checks the body of the answer to a scrape for a number of info
// hashes: files, one dictionary for each or for less, as some trackers leave
// out what they do not know (BEP 48). It returns the failure reason if there is
// one.
func checkScrape(body []byte, asked int) (failure []byte, err error) {
	files, wrong := -1, false
	r := readerOf(body)
	r.Dictionary(func(key []byte) {
		switch string(key) {
		case "failure reason":
			failure = r.Text()
		case "files":
			files = 0
			r.Dictionary(func(hash []byte) {
				files++
				wrong = wrong || len(hash) != len(tracker.InfoHash{}) || r.Kind() != 'd'
				r.Skip()
			})
		default:
			r.Skip()
		}
	})
	switch {
	case r.End() != nil:
		return nil, errBencode
	case failure != nil:
		return failure, nil
	case files < 0 || files > asked || wrong:
		return nil, errScrape
	}
	return nil, nil
}

// readPeers reads a list of peers, or peers of size bytes each in compact form. It
// returns their number and whether all of them are whole.
func readPeers(r *bencode.Reader, size int) (n int, whole bool) {
	if r.Kind() != 'l' {
		compact := r.Text()
		return len(compact) / size, len(compact)%size == 0
	}
	r.List(func() {
		r.Skip()
		n++
	})
	return n, true
}
