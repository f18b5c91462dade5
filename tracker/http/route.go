package http

import "strings"

// route is what the path of a request asks for.
type route uint8

const (
	routeNone     route = iota // nothing that there is
	routeInvalid               // nothing that could be: there is no path
	routeRoot                  // nothing: the path has no elements
	routeAnnounce              // an announce
	routeScrape                // a scrape
)

// splitTarget returns the path and the query of a request's target. It may be
// in absolute form, as proxies are sent it. Any other form has no path.
func splitTarget(target string) (path, query string) {
	if !strings.HasPrefix(target, "/") {
		scheme, rest, _ := strings.Cut(target, "://")
		if !strings.EqualFold(scheme, "http") {
			return "", ""
		}
		target = rest[len(rest)-len(strings.TrimLeftFunc(rest, inAuthority)):]
	}
	path, query, _ = strings.Cut(target, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}

func inAuthority(r rune) bool { return r != '/' && r != '?' }

// routeOf returns what an escaped path asks for. If its last element is the
// word announce or scrape, whatever follows the word (.php, %20), that decides:
// keys stand before it. Otherwise the beginning of the first element does, as at
// opentracker: "a" announces, "sc" scrapes. Blank elements do not count.
func routeOf(path string) route {
	if path == "" {
		return routeInvalid
	}
	var first, last, e element
	for i := 0; ; {
		end, c := i == len(path), byte('/')
		if !end {
			c, i = unescapeByte(path, i)
		}
		if c != '/' {
			e.add(c)
			continue
		}
		if !e.blank() {
			if last = e; first.blank() {
				first = e
			}
		}
		if end {
			break
		}
		e = element{}
	}
	switch {
	case first.blank():
		return routeRoot
	case last.word() == "announce":
		return routeAnnounce
	case last.word() == "scrape":
		return routeScrape
	case first.begins("a"):
		return routeAnnounce
	case first.begins("sc"):
		return routeScrape
	}
	return routeNone
}

// element is what matters of an element of a path: the word that it begins
// with, after white space. Longer words than any that matters are cut.
type element struct {
	text  [len("announce") + 1]byte
	n     int
	ended bool // the word, by a byte that is not part of one
}

func (e *element) add(c byte) {
	switch {
	case e.ended, e.n == 0 && (c <= ' ' || c == 0x7f):
	case !isWord(c):
		e.ended = true
	case e.n < len(e.text):
		e.text[e.n] = c
		e.n++
	}
}

// blank tells whether there is nothing but white space in the element.
func (e *element) blank() bool { return e.n == 0 && !e.ended }

func (e *element) word() string { return string(e.text[:e.n]) }

func (e *element) begins(with string) bool {
	return e.n >= len(with) && string(e.text[:len(with)]) == with
}

// isWord tells whether a byte is part of a word: announce-x is none that
// matters, announce.php has one.
func isWord(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_'
}
