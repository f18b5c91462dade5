package http

import (
	"net/netip"
	"strconv"
	"unsafe"

	"keeptrack/tracker"
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
	*handler
	now     tracker.Instant
	closing bool   // no connection is kept after its reply
	out     []byte // the replies

	head     head
	announce announceRequest
	reply    tracker.Reply
	scrape   scrapeRequest
	full     fullScrape // the one that stepStream is about
	body     []byte
}

// respond answers the requests that in begins with, which source sent. The
// replies are appended to out. It returns how many bytes of in have been
// answered.
func (r *responder) respond(in []byte, source netip.Addr) (n int, next step) {
	// The text is read in place; nothing of it is kept.
	text := unsafe.String(unsafe.SliceData(in), len(in))
	for len(r.out) < enoughOut {
		size, refusal := r.head.parse(text[n:], r.proxies.header)
		if refusal != 0 {
			return len(in), r.refuse(refusal)
		}
		if size == 0 {
			return n, stepReceive
		}
		n += size
		if next = r.answer(source); next != stepReceive {
			return n, next
		}
	}
	return n, stepAnswer
}

// refuse answers what is no request.
func (r *responder) refuse(status int) step {
	r.counters.malformed.Add(1)
	r.head = head{forwarded: r.head.forwarded, encodings: r.head.encodings}
	switch status {
	case statusHeadTooLarge:
		r.writeLine("431 Request Header Fields Too Large", "", "the header is too long")
	case statusVersion:
		r.writeLine("505 HTTP Version Not Supported", "", "only HTTP/1.0 and HTTP/1.1 are spoken")
	default:
		r.writeLine("400 Bad Request", "", "not a request")
	}
	return stepLinger
}

// writeLine appends a reply that is one line of text.
func (r *responder) writeLine(status, fields, line string) step {
	r.body = append(append(r.body[:0], line...), '\n')
	return r.write(status, fields)
}

// write appends the reply with r.body and returns what comes after it. The
// fields are further lines of the header.
func (r *responder) write(status, fields string) step {
	keep := r.head.keep && !r.head.body && !r.closing
	out := appendStart(r.out, status, fields)
	out = append(out, "Content-Length: "...)
	out = strconv.AppendInt(out, int64(len(r.body)), 10)
	switch {
	case !keep:
		out = append(out, "\r\nConnection: close"...)
	case r.head.oldHTTP:
		out = append(out, "\r\nConnection: keep-alive"...)
	}
	out = append(out, "\r\n\r\n"...)
	if r.head.method != methodHead {
		out = append(out, r.body...)
	}
	r.out = out
	switch {
	case keep:
		return stepReceive
	case r.head.body:
		return stepLinger
	}
	return stepClose
}

// writeStream appends what comes before the rows of a full scrape. Its length
// is not known before its end and clients do not understand chunks, so the end
// of the connection is the end of the reply. No rows follow for HEAD.
func (r *responder) writeStream() step {
	r.out = appendStart(r.out, statusOK, r.full.encoding.field())
	r.out = append(r.out, "Vary: Accept-Encoding\r\nConnection: close\r\n\r\n"...)
	switch {
	case r.head.method != methodHead:
		return stepStream
	case r.head.body:
		return stepLinger
	}
	return stepClose
}

// appendStart appends the lines that every reply begins with. There is no Date
// among them: nothing between a tracker and its clients keeps replies.
func appendStart(dst []byte, status, fields string) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, status...)
	dst = append(dst, "\r\nContent-Type: text/plain\r\n"...)
	return append(dst, fields...)
}
