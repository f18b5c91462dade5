package admin

import (
	"bytes"
	"embed"
	"net/http"
	"path"
)

// pageFiles are the operator's page: index.html, which is served at /, and what it
// loads. Nothing in them is secret, so they are served without a token; what they show
// they ask the JSON interface for.
//
//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load and ask for what is here alone, run no script and take
// no style from markup, and be shown in no frame. Browsers that know trusted types also
// keep its scripts from making markup of text.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// replyPolicy is that of every other reply, which is no page.
const replyPolicy = "default-src 'none'; frame-ancestors 'none'"

// hardened has browsers take replies for what they are, show them in no frame and hand
// them to no page of another origin.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", replyPolicy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// index answers with the page, which says whether a token is asked for.
func (s *Server) index() http.Handler {
	text, err := pageFiles.ReadFile("page/index.html")
	if err != nil {
		panic(err) // it is embedded
	}
	if s.opts.Token != "" {
		text = bytes.Replace(text, []byte(`data-token="no"`), []byte(`data-token="required"`), 1)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writePage(w, "index.html", text)
	})
}

// pageFile answers with one of the files that the page loads.
func (s *Server) pageFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	text, err := pageFiles.ReadFile(path.Join("page", path.Base(name)))
	if err != nil || name == "index.html" {
		http.NotFound(w, r)
		return
	}
	writePage(w, name, text)
}

func writePage(w http.ResponseWriter, name string, text []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Content-Type", pageTypes[path.Ext(name)])
	h.Set("Cache-Control", "no-cache")
	w.Write(text)
}

// pageTypes do not depend on what the system takes the names for.
var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}
