package http

import (
	nethttp "net/http"
	"strings"
)

// maxHead is the size in bytes of the longest head of a request that is read,
// with the request line and the empty line at its end.
const maxHead = 8 << 10

// maxFields is the most lines of a header, which clients send about five of,
// and maxEmptyLines the most empty lines before a request.
const maxFields, maxEmptyLines = 100, 8

// head is what matters of a request's head (RFC 9112). Its strings are parts
// of the text that it was read from.
type head struct {
	method, target string
	oldHTTP        bool // HTTP/1.0 or older
	bare           bool // the request line has no version, as in HTTP/0.9
	keep           bool // the connection may be kept after the reply
	body           bool // a body follows, which nobody reads
	// forwarded are the values of the lines with the header that names the
	// client of a proxy, in their order.
	forwarded []string
	// encodings are the values of the Accept-Encoding lines.
	encodings []string

	hosts              int
	close, askedToKeep bool // options of the Connection lines
}

// parse reads the head that in begins with and returns its size. clientHeader
// is the name of the header that names the client of a proxy. If the head
// goes on past in, both results are 0. A refusal is the status code for what
// is no request, or none that can be answered.
//
// Of what RFC 9112 leaves to a server, two things are allowed: empty lines
// before a request, and lines that end with a line feed alone. Of what it does
// not, two that opentracker answers as well: HTTP/1.1 without a Host, and a
// request line without a version, which lines of a header may follow.
func (h *head) parse(in, clientHeader string) (size, refusal int) {
	*h = head{forwarded: h.forwarded[:0], encodings: h.encodings[:0]}
	line, rest, whole := cutLine(in)
	for empty := 0; whole && line == ""; line, rest, whole = cutLine(rest) {
		if empty++; empty > maxEmptyLines {
			return 0, nethttp.StatusBadRequest
		}
	}
	if !whole && rest != "" && rest[0] != '\r' && !isToken(rest[:1]) {
		return 0, nethttp.StatusBadRequest // TLS and other protocols need not be waited for
	}
	if whole {
		if refusal = h.requestLine(line); refusal != 0 {
			return 0, refusal
		}
		line, rest, whole = cutLine(rest)
	}
	for fields := 0; whole && line != ""; line, rest, whole = cutLine(rest) {
		if !h.field(line, clientHeader) {
			return 0, nethttp.StatusBadRequest
		}
		if fields++; fields > maxFields {
			return 0, nethttp.StatusRequestHeaderFieldsTooLarge
		}
	}
	size = len(in) - len(rest)
	switch {
	case size > maxHead, !whole && len(in) >= maxHead:
		return 0, nethttp.StatusRequestHeaderFieldsTooLarge
	case !whole:
		return 0, 0
	case h.hosts > 1:
		return 0, nethttp.StatusBadRequest
	}
	h.keep = !h.close && (!h.oldHTTP || h.askedToKeep && !h.bare)
	return size, 0
}

// requestLine takes in the first line.
func (h *head) requestLine(line string) (refusal int) {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	if !isToken(method) || !isTarget(target) {
		return nethttp.StatusBadRequest
	}
	h.method, h.target = method, target
	if version == "" {
		h.bare, h.oldHTTP = true, true
		if target[0] != '/' || method != methodGet && method != methodHead {
			return nethttp.StatusBadRequest // another protocol
		}
		return 0
	}
	return h.version(version)
}

// version takes in the end of the first line.
func (h *head) version(v string) (refusal int) {
	const form = "HTTP/1.1"
	if len(v) != len(form) || v[:5] != form[:5] || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return nethttp.StatusBadRequest
	}
	if v[5] > '1' {
		return nethttp.StatusHTTPVersionNotSupported
	}
	h.oldHTTP = v[5] == '0' || v[7] == '0'
	return 0
}

// field takes in a line of the header.
func (h *head) field(line, clientHeader string) (ok bool) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) || !isValue(value) {
		return false
	}
	value = strings.Trim(value, " \t")
	switch {
	case strings.EqualFold(name, "Host"):
		h.hosts++
	case strings.EqualFold(name, "Connection"):
		h.connection(value)
	case strings.EqualFold(name, "Content-Length"):
		h.body = h.body || strings.Trim(value, "0") != ""
		return value != "" && strings.Trim(value, "0123456789") == ""
	case strings.EqualFold(name, "Transfer-Encoding"):
		h.body = true
	case strings.EqualFold(name, clientHeader):
		h.forwarded = append(h.forwarded, value)
	case strings.EqualFold(name, "Accept-Encoding"):
		h.encodings = append(h.encodings, value)
	}
	return true
}

// connection takes in a list of connection options.
func (h *head) connection(list string) {
	for list != "" {
		var option string
		option, list, _ = strings.Cut(list, ",")
		option = strings.Trim(option, " \t")
		h.close = h.close || strings.EqualFold(option, "close")
		h.askedToKeep = h.askedToKeep || strings.EqualFold(option, "keep-alive")
	}
}

// cutLine takes a line off in. Without a whole one, rest is in.
func cutLine(in string) (line, rest string, whole bool) {
	i := strings.IndexByte(in, '\n')
	if i < 0 {
		return "", in, false
	}
	return strings.TrimSuffix(in[:i], "\r"), in[i+1:], true
}
