package http

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	nethttp "net/http"
	"net/mail"
	"net/url"
	"strconv"
	"time"
)

// pageStyle is all that the page has beside text; it has no script. A click on a URL
// selects all of it.
const pageStyle = `
:root{color-scheme:light dark}
body{font:1.05rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.8rem 0 .4rem}
ul{list-style:none;margin:0;padding:0}li{margin:.4rem 0}
code{user-select:all;-webkit-user-select:all;font-size:.95rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}dd{margin:0;font-variant-numeric:tabular-nums}
`

// pageFields let a browser load nothing, run nothing and show the page in no frame. It is
// not kept by what is between: it depends on more than its URL.
var pageFields = makeFields(
	field{"Content-Type", "text/html; charset=utf-8"},
	field{"Content-Security-Policy", "default-src 'none'; style-src '" + hashOfStyle() + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	field{"X-Content-Type-Options", "nosniff"},
	field{"Referrer-Policy", "no-referrer"},
	field{"Cache-Control", "private, max-age=5"},
)

func hashOfStyle() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// answerPage answers with the page.
func (a *answerer) answerPage(q *request) *answer {
	a.count(ActionPage, q, FailureNone)
	return a.make(nethttp.StatusOK, pageFields, a.page.append(a.made.body[:0], q.site(), time.Now()))
}

// append appends the page for a browser that is at a site.
func (p *pager) append(dst []byte, at site, now time.Time) []byte {
	dst = append(dst, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>BitTorrent tracker</title><link rel="icon" href="data:,"><style>`...)
	dst = append(dst, pageStyle...)
	dst = append(dst, "</style></head>\n<body><main>\n<h1>BitTorrent tracker</h1>\n<h2>Announce URLs</h2>\n"...)
	dst = appendURLs(dst, p.urls(at))
	c := p.current(now)
	dst = append(dst, "<h2>Now</h2>\n<dl>"...)
	dst = appendCount(dst, "Torrents", "torrents", c.torrents)
	dst = appendCount(dst, "Peers", "peers", c.peers)
	dst = appendCount(dst, "Seeders", "seeders", c.seeders)
	dst = append(dst, "</dl>\n"...)
	if p.Contact != "" {
		dst = append(dst, `<h2>Contact</h2>`+"\n"+`<p id="contact">`...)
		dst = appendContact(dst, p.Contact)
		dst = append(dst, "</p>\n"...)
	}
	return append(dst, "</main></body></html>\n"...)
}

func appendURLs(dst []byte, urls []string) []byte {
	if len(urls) == 0 {
		return append(dst, "<p>Open this page by the tracker's name to see them.</p>\n"...)
	}
	dst = append(dst, `<ul id="urls">`...)
	for _, u := range urls {
		dst = append(dst, "<li><code>"...)
		dst = append(dst, html.EscapeString(u)...)
		dst = append(dst, "</code></li>"...)
	}
	return append(dst, "</ul>\n"...)
}

func appendCount(dst []byte, name, id string, n uint64) []byte {
	dst = append(dst, "<dt>"+name+`</dt><dd id="`+id+`">`...)
	return append(strconv.AppendUint(dst, n, 10), "</dd>"...)
}

// appendContact appends a contact, as a link if it is an e-mail or web address.
func appendContact(dst []byte, contact string) []byte {
	link := ""
	if u, err := url.Parse(contact); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		link = u.String()
	} else if m, err := mail.ParseAddress(contact); err == nil && m.Address == contact {
		link = (&url.URL{Scheme: "mailto", Opaque: url.PathEscape(contact)}).String()
	}
	text := html.EscapeString(contact)
	if link == "" {
		return append(dst, text...)
	}
	return append(dst, `<a rel="nofollow" href="`+html.EscapeString(link)+`">`+text+"</a>"...)
}
