package bench

import (
	"bytes"
	"errors"
	"fmt"
)

// maxReply is the most bytes of an HTTP reply that are taken.
const maxReply = 1 << 18

// What can be wrong with an HTTP reply.
var (
	errMalformed = errors.New("an answer that is not HTTP")
	errChunked   = errors.New("an answer without content length, in chunks")
	errExcess    = errors.New("an answer longer than its content length")
	errTooLong   = errors.New("an answer that does not end")
	errCutOff    = errors.New("the connection was closed before the answer's end")
)

// statusError is an HTTP status other than 200, on which clients give up.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP status %d", int(e)) }

// httpReply is a whole reply.
type httpReply struct {
	body []byte
	// close says that the tracker will close the connection.
	close bool
}

// parseReply reads the reply in data, which is complete at the end of its
// content length or, without that, when the connection ends. It returns false
// if more has to come.
func parseReply(data []byte, ended bool) (httpReply, bool, error) {
	head, body, ok := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ok {
		if ended || len(data) > maxReply {
			return httpReply{}, false, errMalformed
		}
		return httpReply{}, false, nil
	}
	h, err := parseHead(head)
	if err != nil {
		return httpReply{}, false, err
	}
	switch {
	case h.length >= 0 && len(body) > h.length:
		return httpReply{}, false, errExcess
	case len(body) > maxReply || h.length > maxReply:
		return httpReply{}, false, errTooLong
	case len(body) == h.length, ended && h.length < 0:
		return httpReply{body, h.close || h.length < 0}, true, nil
	case ended:
		return httpReply{}, false, errCutOff
	}
	return httpReply{}, false, nil
}

// httpHead is what matters of a reply's status line and header.
type httpHead struct {
	length int // of the body; -1: not said
	close  bool
}

func parseHead(head []byte) (httpHead, error) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return httpHead{}, errMalformed
	}
	status, ok := number(line[9:12])
	if !ok {
		return httpHead{}, errMalformed
	}
	if status != 200 {
		return httpHead{}, statusError(status)
	}
	h := httpHead{length: -1, close: line[7] == '0'}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if err := h.field(name, bytes.Trim(value, " \t")); err != nil {
			return httpHead{}, err
		}
	}
	return h, nil
}

func (h *httpHead) field(name, value []byte) error {
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		n, ok := number(value)
		if !ok {
			return errMalformed
		}
		h.length = n
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		return errChunked
	case bytes.EqualFold(name, []byte("connection")):
		h.close = !bytes.EqualFold(value, []byte("keep-alive"))
	}
	return nil
}

// number reads a decimal number of up to nine digits.
func number(digits []byte) (n int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(digits) > 0 && len(digits) <= 9
}
