package http

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"keeptrack/tracker/trace"
)

// HandshakeFailure is why a TLS handshake failed.
type HandshakeFailure uint8

// The reasons.
const (
	HandshakeTimeout      HandshakeFailure = iota // took too long
	HandshakeClosed                               // the connection was closed, or evicted, before the end
	HandshakeNotTLS                               // what came was no TLS
	HandshakeVersion                              // the client offers only versions below TLS 1.2
	HandshakeName                                 // there is no certificate for what the client asks for
	HandshakeAlert                                // the client does not like the certificate, or something else
	HandshakeOther                                // any other
	HandshakeFailureCount int              = iota // number of reasons
)

// String returns the reason's label: lower-case words joined by underscores.
func (f HandshakeFailure) String() string {
	return [HandshakeFailureCount]string{"timeout", "closed", "not_tls", "version", "name", "alert", "other"}[f]
}

// handshakes counts TLS handshakes.
type handshakes struct {
	done   atomic.Uint64
	failed [HandshakeFailureCount]atomic.Uint64
}

// The protocols that clients can choose from (RFC 7301).
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
)

// nameError is that there is no certificate.
type nameError struct{ error }

// serverTLS returns the config to serve with.
func serverTLS(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.NextProtos = append([]string{protocolHTTP2, protocolHTTP1}, c.NextProtos...)
	if get := c.GetCertificate; get != nil {
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			certificate, err := get(hello)
			if err != nil {
				err = nameError{err}
			}
			return certificate, err
		}
	}
	return c
}

// handshake has a connection's TLS handshake done, within the time for a request's head.
// It returns the protocol that the client has chosen, and whether there is one.
func (e *netEngine) handshake(c *netConn) (protocol string, ok bool) {
	conn := c.Conn.(*tls.Conn)
	deadline := time.Now().Add(e.timeouts.head)
	_ = c.SetReadDeadline(deadline) // fails only if closed, as the next does
	_ = conn.SetWriteDeadline(deadline)
	if err := conn.Handshake(); err != nil {
		failure := handshakeFailure(err)
		e.handshakes.failed[failure].Add(1)
		e.handler.reportConn("https", c.source, trace.Failed, "handshake_"+failure.String())
		answerWithoutTLS(err)
		return "", false
	}
	_ = conn.SetWriteDeadline(time.Time{})
	e.handshakes.done.Add(1)
	return conn.ConnectionState().NegotiatedProtocol, true
}

// handshakeFailure returns the reason of a handshake's error.
func handshakeFailure(err error) HandshakeFailure {
	operation, _ := errors.AsType[*net.OpError](err)
	_, isNot := errors.AsType[tls.RecordHeaderError](err)
	_, isName := errors.AsType[nameError](err)
	switch {
	case isNot:
		return HandshakeNotTLS
	case isName:
		return HandshakeName
	case errors.Is(err, os.ErrDeadlineExceeded):
		return HandshakeTimeout
	case strings.Contains(err.Error(), "unsupported versions"): // crypto/tls has no error of its own for it
		return HandshakeVersion
	case operation != nil && operation.Op == "remote error":
		return HandshakeAlert
	case operation != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return HandshakeClosed
	}
	return HandshakeOther
}

// plainOverTLS is what a client gets that speaks HTTP to a port for HTTPS.
const plainOverTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nthis port speaks HTTPS\n"

// answerWithoutTLS tells a client of HTTP that it has to speak TLS, if that is why the
// handshake failed.
func answerWithoutTLS(err error) {
	not, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || not.Conn == nil {
		return
	}
	switch string(not.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		_, _ = io.WriteString(not.Conn, plainOverTLS) // the client may have gone
	}
}
