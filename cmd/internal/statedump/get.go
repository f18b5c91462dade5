package statedump

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

// defaultPath is asked for when a URL names no other.
const defaultPath = "/stats?mode=statedump"

var errURL = errors.New("a state dump's URL is http://HOST:PORT/stats?mode=statedump")

// IsURL reports whether text names something to fetch rather than a file.
func IsURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// ParseURL reads the URL of a state dump. One without a path asks for the usual
// one.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if !IsURL(text) || u.Hostname() == "" {
		return nil, fmt.Errorf("%s: %w", text, errURL)
	}
	if strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		u.Path, u.RawQuery, _ = strings.Cut(defaultPath, "?")
	}
	return u, nil
}

// Get asks for a state dump and returns the reply as it comes, for Text. Reading
// it fails once ctx is done. The caller closes it.
func Get(ctx context.Context, u *url.URL) (io.ReadCloser, error) {
	conn, err := dial(ctx, u)
	if err != nil {
		return nil, unanswered(ctx, u, err)
	}
	r := &reply{ctx: ctx, url: u, conn: conn}
	r.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request(u)); err != nil {
		return nil, errors.Join(unanswered(ctx, u, err), r.Close())
	}
	return r, nil
}

func dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		return new(tls.Dialer).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// request is HTTP/1.0, so that the reply ends with the connection.
func request(u *url.URL) string {
	text := "GET " + u.RequestURI() + " HTTP/1.0\r\nHost: " + u.Host +
		"\r\nUser-Agent: keeptrack\r\nAccept-Encoding: gzip\r\n"
	if password, _ := u.User.Password(); u.User != nil {
		text += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)) + "\r\n"
	}
	return text + "\r\n"
}

// reply is what comes back on a connection.
type reply struct {
	ctx  context.Context
	url  *url.URL
	conn net.Conn
	stop func() bool
}

// Read reads what comes.
func (r *reply) Read(p []byte) (int, error) {
	n, err := r.conn.Read(p)
	if err != nil && err != io.EOF {
		err = unanswered(r.ctx, r.url, err)
	}
	return n, err
}

// Close ends the connection.
func (r *reply) Close() error {
	if !r.stop() {
		return nil // ctx is done and has closed it
	}
	return r.conn.Close()
}

// unanswered is the error of a conversation that ended with err.
func unanswered(ctx context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("incomplete answer from %s: %w", u.Host, err)
}
