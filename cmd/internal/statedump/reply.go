// Package statedump fetches the state dump of an opentracker, or of whatever
// answers /stats?mode=statedump as it does, and reads replies as they are on the
// wire. opentracker compresses a dump whether or not it was asked to, and some of
// its builds send no readable status line, which net/http does not take.
package statedump

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxHead is the most bytes of a reply that are looked at for its head.
	maxHead = 8 << 10
	// maxText is the most bytes of text that are read, which is 69 million
	// torrents, and maxWindow the memory that unpacking may take.
	maxText   = 4 << 30
	maxWindow = 64 << 20
)

// Errors of the readers that Text returns.
var (
	errStatus = errors.New("the tracker answers")
	errCutOff = errors.New("the reply is cut off")
	errText   = errors.New("more text than is read")
)

// Text returns the text in raw, which is a reply of a tracker with or without
// its head, compressed or not, or the text itself. An error of the returned
// reader is one of raw, or says what is wrong with the reply.
func Text(raw io.Reader) (io.Reader, error) { return text(raw, maxText) }

func text(raw io.Reader, most int64) (io.Reader, error) {
	r := bufio.NewReaderSize(raw, maxHead)
	front, err := r.Peek(maxHead)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var body io.Reader = r
	if head, size := findHead(front); size > 0 {
		if _, err := r.Discard(size); err != nil {
			return nil, err
		}
		if body, err = bodyOf(head, r); err != nil {
			return nil, err
		}
	}
	if body, err = unpacked(body); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCutOff
	} else if err != nil {
		return nil, err
	}
	return &limited{r: body, left: most, most: most}, nil
}

// findHead returns the lines of the head that a reply begins with and its size
// with the empty line. Without a head the size is 0.
func findHead(front []byte) (lines []string, size int) {
	for size < len(front) {
		end := bytes.IndexByte(front[size:], '\n')
		if end < 0 {
			return nil, 0
		}
		line := strings.TrimSuffix(string(front[size:size+end]), "\r")
		size += end + 1
		if line != "" {
			lines = append(lines, line)
			continue
		}
		for i, l := range lines {
			if _, _, ok := field(l); ok || i == 0 && strings.HasPrefix(l, "HTTP/") {
				return lines, size
			}
		}
		return nil, 0
	}
	return nil, 0
}

// field takes a head's line apart. A line of a dump is none, nor is a comment.
func field(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	if !ok || name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "", "", false
	}
	return strings.ToLower(name), strings.TrimSpace(value), true
}

// bodyOf returns the body that follows a head. A status line that cannot be
// read is passed over.
func bodyOf(head []string, r io.Reader) (io.Reader, error) {
	if f := strings.Fields(head[0]); len(f) > 1 && strings.HasPrefix(f[0], "HTTP/") {
		if code, err := strconv.Atoi(f[1]); err == nil && code != 200 {
			return nil, fmt.Errorf("%w %q", errStatus, strings.Join(f[1:], " "))
		}
	}
	body := r
	for _, line := range head {
		switch name, value, _ := field(line); name {
		case "transfer-encoding":
			if strings.EqualFold(value, "chunked") {
				return httputil.NewChunkedReader(r), nil
			}
		case "content-length":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				body = &whole{r: r, left: n}
			}
		}
	}
	return body, nil
}

// unpacked returns what is in r, compressed or not.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	front, err := b.Peek(4)
	switch {
	case err != nil && err != io.EOF:
		return nil, err
	case bytes.HasPrefix(front, []byte("\x1f\x8b")):
		return gzip.NewReader(b)
	case bytes.HasPrefix(front, []byte("\x28\xb5\x2f\xfd")):
		return zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	}
	return b, nil
}

// whole is a body of a length that is known.
type whole struct {
	r    io.Reader
	left int64
}

// Read reads up to the end of the body, and fails where r ends before it.
func (w *whole) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := w.r.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	if err == io.EOF && w.left > 0 {
		err = fmt.Errorf("%w, bytes that are missing: %d", errCutOff, w.left)
	}
	return n, err
}

// limited fails where more than a number of bytes would be read.
type limited struct {
	r          io.Reader
	left, most int64
}

// Read reads from r.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("%w, %d bytes", errText, l.most)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCutOff
	}
	return n, err
}
