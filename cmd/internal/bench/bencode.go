package bench

import (
	"errors"
	"math"

	"keeptrack/tracker"
)

// maxDepth is how deep lists and dictionaries may be nested; a scrape needs 3.
const maxDepth = 16

// What can be wrong with the body of an HTTP reply.
var (
	errBencode  = errors.New("an answer that is not bencoded")
	errAnnounce = errors.New("an answer that is none to an announce")
	errScrape   = errors.New("an answer that is none to a scrape")
)

// checkAnnounce checks the body of the answer to an announce: a dictionary with
// an interval and with peers of whole size (BEP 3, 7, 23). It returns the number
// of peers, or the failure reason if there is one.
func checkAnnounce(body []byte) (peers int, failure []byte, err error) {
	b := bencode{data: body}
	var interval, list, partial bool
	count := func(size int) {
		n, whole := b.peers(size)
		peers += n
		partial = partial || !whole
	}
	b.dictionary(0, func(key []byte) {
		switch string(key) {
		case "failure reason":
			failure = b.text()
		case "interval":
			interval = b.peek() == 'i'
			b.skip(1)
		case "peers":
			list = true
			count(tracker.CompactSize4)
		case "peers6":
			count(tracker.CompactSize6)
		default:
			b.skip(1)
		}
	})
	switch {
	case b.bad || b.pos != len(body):
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
	b := bencode{data: body}
	b.dictionary(0, func(key []byte) {
		switch string(key) {
		case "failure reason":
			failure = b.text()
		case "files":
			files = 0
			b.dictionary(1, func(hash []byte) {
				files++
				wrong = wrong || len(hash) != len(tracker.InfoHash{}) || b.peek() != 'd'
				b.skip(2)
			})
		default:
			b.skip(1)
		}
	})
	switch {
	case b.bad || b.pos != len(body):
		return nil, errBencode
	case failure != nil:
		return failure, nil
	case files < 0 || files > asked || wrong:
		return nil, errScrape
	}
	return nil, nil
}

// bencode reads bencoded data without allocating. After an error it reads
// nothing more and bad is set.
type bencode struct {
	data []byte
	pos  int
	bad  bool
}

// dictionary reads a dictionary and calls value for each key, which has to read
// the value.
func (b *bencode) dictionary(depth int, value func(key []byte)) {
	if depth > maxDepth {
		b.bad = true
	}
	b.expect('d')
	for !b.bad && b.peek() != 'e' {
		if key := b.text(); !b.bad {
			value(key)
		}
	}
	b.expect('e')
}

// peers reads a list of peers, or peers of size bytes each in compact form. It
// returns their number and whether all of them are whole.
func (b *bencode) peers(size int) (n int, whole bool) {
	if b.peek() != 'l' {
		compact := b.text()
		return len(compact) / size, len(compact)%size == 0
	}
	for b.pos++; !b.bad && b.peek() != 'e'; n++ {
		b.skip(2)
	}
	b.expect('e')
	return n, true
}

// skip reads any value.
func (b *bencode) skip(depth int) {
	switch c := b.peek(); {
	case c == 'i':
		b.pos++
		if b.peek() == '-' {
			b.pos++
		}
		b.digits()
		b.expect('e')
	case c == 'l' && depth <= maxDepth:
		for b.pos++; !b.bad && b.peek() != 'e'; {
			b.skip(depth + 1)
		}
		b.expect('e')
	case c == 'd':
		b.dictionary(depth, func([]byte) { b.skip(depth + 1) })
	default:
		b.text()
	}
}

// text reads a string. It is part of the data, and not nil unless the data is
// bad.
func (b *bencode) text() []byte {
	n := b.digits()
	b.expect(':')
	if b.bad || n > len(b.data)-b.pos {
		b.bad = true
		return nil
	}
	b.pos += n
	return b.data[b.pos-n : b.pos]
}

func (b *bencode) digits() int {
	start := b.pos
	for c := b.peek(); c >= '0' && c <= '9'; c = b.peek() {
		b.pos++
	}
	if n := b.pos - start; n == 0 {
		b.bad = true
	} else if n <= 9 {
		v, _ := number(b.data[start:b.pos])
		return v
	}
	return math.MaxInt32 // as good as any: nothing here is so long
}

func (b *bencode) expect(c byte) {
	if b.bad = b.bad || b.peek() != c; !b.bad {
		b.pos++
	}
}

// peek returns the next byte, or 0 at the end, which starts nothing and ends
// nothing.
func (b *bencode) peek() byte {
	if b.pos < len(b.data) {
		return b.data[b.pos]
	}
	return 0
}
