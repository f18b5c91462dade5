package http

import (
	nethttp "net/http"
	"net/netip"
	"strconv"
	"unsafe"
)

// enoughOut is the size in bytes past which replies are sent before the next
// request is answered.
const enoughOut = 32 << 10

// step is what a connection does after its replies are sent.
type step uint8

const (
	stepReceive step = iota // waits for more to come
	stepAnswer              // answers what is left of what came
	stepClose               // closes
	stepLinger              // closes, but not over what is still to come, or the replies might not arrive
	stepStream              // sends every torrent, then closes
)

// last tells whether no replies come after those before the step.
func (s step) last() bool { return s == stepClose || s == stepLinger }

// responder turns the bytes that a connection received into those that it is
// to send. It is memory for one connection at a time, kept for the next.
type responder struct {
	answerer
	closing bool   // no connection is kept after its reply
	out     []byte // the replies

	head head
}

// respond answers the requests that in begins with, which source sent. The
// replies are appended to out. It returns how many bytes of in have been
// answered.
func (r *responder) respond(in []byte, source netip.Addr) (n int, next step) {
	// The text is read in place; nothing of it is kept.
	text := unsafe.String(unsafe.SliceData(in), len(in))
	h := &r.head
	for len(r.out) < enoughOut {
		size, refusal := h.parse(text[n:], r.proxies.header)
		if refusal != 0 {
			*h = head{forwarded: h.forwarded, encodings: h.encodings}
			q := request{client: requester{addr: plain(source)}}
			return len(in), r.write(r.reportRefusal(&q, r.refuse(refusal)))
		}
		if size == 0 {
			return n, stepReceive
		}
		n += size
		q := r.request(h.method, h.target, source, h.forwarded, h.encodings)
		q.head = text[n-size : n]
		if next = r.write(r.answer(&q)); next != stepReceive {
			return n, next
		}
	}
	return n, stepAnswer
}

// write appends an answer to the request in r.head and returns what comes after
// it. Clients do not understand chunks, so what has no length ends with the
// connection.
func (r *responder) write(a *answer) step {
	keep := r.head.keep && !r.head.body && !r.closing && !a.refused && !a.unsized
	out := appendStart(r.out, a)
	if !a.unsized {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(a.body)), 10)
		out = append(out, "\r\n"...)
	}
	switch {
	case !keep:
		out = append(out, "Connection: close\r\n"...)
	case r.head.oldHTTP:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	rows := a.unsized
	if r.head.method == methodHead {
		rows = false
	} else {
		out = append(out, a.body...)
	}
	r.out = out
	switch {
	case rows:
		return stepStream
	case keep:
		return stepReceive
	case a.refused, r.head.body:
		return stepLinger
	}
	return stepClose
}

// appendStart appends the status line and the answer's fields. There is no Date
// among them: nothing between a tracker and its clients keeps replies.
func appendStart(dst []byte, a *answer) []byte {
	if a.status == nethttp.StatusOK { // nearly always
		dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
	} else {
		dst = append(dst, "HTTP/1.1 "...)
		dst = strconv.AppendInt(dst, int64(a.status), 10)
		dst = append(dst, ' ')
		dst = append(dst, nethttp.StatusText(a.status)...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, a.fields.text...)
}
