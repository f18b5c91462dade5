package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/trace"
)

// The time that a trace takes, if the client does not say, and at most.
const (
	traceTime    = time.Minute
	maxTraceTime = time.Hour
)

// beat is how often a trace sends something at least: an empty line if there is nothing.
const beat = 5 * time.Second

// traceType is the media type of a trace: a JSON object a line.
const traceType = "application/jsonl"

// trace streams what becomes of the requests of a client or for a torrent.
func (s *Server) trace(w http.ResponseWriter, r *http.Request) {
	filter, length, err := readTrace(r)
	if err != nil {
		s.writeError(w, err)
		return
	}
	api, err := s.opts.API()
	if err != nil {
		s.writeError(w, err)
		return
	}
	t, err := api.Trace(filter)
	if err != nil {
		s.writeError(w, err)
		return
	}
	defer t.End()
	s.opts.Log.Info().Str("client", clientOf(r)).Str("of", r.URL.RawQuery).Dur("for_ms", length).Msg("trace begun")
	w.Header().Set("Content-Type", traceType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	s.stream(w, r, t, length)
}

// stream sends what a trace has, until the time is up, the client has gone or the server
// stops. What waits then is sent too, unless the client has gone.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, t *trace.Trace, length time.Duration) {
	end := time.NewTimer(length)
	defer end.Stop()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	out, lines := http.NewResponseController(w), json.NewEncoder(w)
	var err error // the client has gone, which is its own concern
	for err == nil {
		if len(t.Events()) == 0 { // what waits goes together
			if err = out.Flush(); err != nil {
				return
			}
		}
		select {
		case e := <-t.Events():
			err = lines.Encode(e)
		case <-beats.C:
			err = sendBeat(w, lines, t)
		case <-end.C:
			finish(w, lines, t)
			return
		case <-s.stopping:
			finish(w, lines, t)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// finish ends a trace and sends what still waits. Nobody waits longer than a beat for a
// client that does not take it.
func finish(w http.ResponseWriter, lines *json.Encoder, t *trace.Trace) {
	t.End()
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(beat))
	for err == nil && len(t.Events()) > 0 {
		err = lines.Encode(<-t.Events())
	}
	if err == nil {
		_ = sendBeat(w, lines, t) // or the client has gone
	}
}

// sendBeat sends how many events have been left out, an empty line if none.
func sendBeat(w http.ResponseWriter, lines *json.Encoder, t *trace.Trace) error {
	if n := t.Omitted(); n > 0 {
		return lines.Encode(struct {
			Omitted uint64 `json:"omitted"`
		}{n})
	}
	_, err := w.Write([]byte("\n"))
	return err
}

// readTrace reads the parameters of a trace: client, hash and for.
func readTrace(r *http.Request) (f trace.Filter, length time.Duration, err error) {
	q := r.URL.Query()
	if text := q.Get("client"); text != "" {
		if f.Client, err = parseNetwork(text); err != nil {
			return f, 0, badRequest(fmt.Errorf("client: must be an address or a network: %q", text))
		}
	}
	if text := q.Get("hash"); text != "" {
		h, err := tracker.ParseInfoHash(text)
		if err != nil {
			return f, 0, badRequest(fmt.Errorf("hash: %w", err))
		}
		f.Hash = &h
	}
	length = traceTime
	if text := q.Get("for"); text != "" {
		if length, err = time.ParseDuration(text); err != nil || length <= 0 || length > maxTraceTime {
			return f, 0, badRequest(fmt.Errorf("for: must be a time up to %v: %q", maxTraceTime, text))
		}
	}
	return f, length, nil
}

// parseNetwork reads an address, or a network in CIDR notation.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
