package udp

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// errorConnectionID is what clients compare, spelling and NUL byte included, to
// tell that they need a new connection id.
const errorConnectionID = "Connection ID missmatch.\x00"

// The shortest request that can have a wrong connection id is no shorter than
// the error reply, or this does not compile.
const _ = uint(bep15.MinScrapeRequestSize - bep15.ErrorReplySize - len(errorConnectionID))

// handler turns requests into replies, for one worker and without allocating.
type handler struct {
	tracker *tracker.Tracker
	inForce *atomic.Pointer[connectionIDs] // shared by all handlers of a server
	limiter *limiter
	sampler busiest.Sampler
	traces  *trace.Traces // nil: none are ever begun
	log     zerolog.Logger
	count   counters

	ids *connectionIDs // in force at the time of the batch
	// The time of the batch, in the three ways that it is asked for.
	now    tracker.Instant
	slot   uint64 // of ids
	second uint32 // unix time

	tracing *trace.Active // those under way at the time of the batch, nil if there are none
	dropped Drop          // why the last datagram without a reply was dropped

	// Kept here because they would be allocated if they were local.
	announce tracker.Announce
	reply    tracker.Reply
	ahead    [batchSize]tracker.Ahead // of the batch, for lookAhead
}

func newHandler(t *tracker.Tracker, inForce *atomic.Pointer[connectionIDs], log zerolog.Logger) *handler {
	return &handler{tracker: t, inForce: inForce, limiter: newLimiter(), log: log}
}

// begin sets the time, and the connection ids, for the answers that follow.
func (h *handler) begin(now time.Time) {
	h.now = h.tracker.Instant(now)
	h.ids = h.inForce.Load()
	h.slot = h.ids.slot(now)
	h.second = uint32(now.Unix())
	h.tracing = h.traces.Active()
}

// answer handles one datagram and returns the reply, which is in buf, or
// nothing if there is to be none. buf needs a capacity of bep15.MaxReplySize.
func (h *handler) answer(from source, packet, buf []byte) []byte {
	h.count.recent[countPackets]++
	if h.sampler.Draw() {
		h.note(from, packet)
	}
	if from.port == 0 {
		return h.drop(DropSourcePort)
	}
	header, err := bep15.ParseRequestHeader(packet)
	if err != nil {
		return h.drop(DropShort)
	}
	switch header.Action {
	case bep15.ActionConnect:
		return h.answerConnect(from, packet, buf)
	case bep15.ActionAnnounce:
		return h.answerAnnounce(from, packet, buf)
	case bep15.ActionScrape:
		return h.answerScrape(from, packet, buf)
	}
	return h.drop(DropAction)
}

func (h *handler) answerConnect(from source, packet, buf []byte) []byte {
	req, err := bep15.ParseConnectRequest(packet)
	if err != nil {
		return h.drop(DropMagic)
	}
	h.count.recent[countConnects]++
	return bep15.ConnectReply{TransactionID: req.TransactionID, ConnectionID: h.ids.id(from.addr, h.slot)}.Append(buf[:0])
}

func (h *handler) answerAnnounce(from source, packet, buf []byte) []byte {
	req, err := bep15.ParseAnnounceRequest(packet)
	if err != nil {
		return h.drop(DropShortAnnounce)
	}
	if !h.ids.valid(req.ConnectionID, from.addr, h.slot) {
		return h.refuse(countStaleAnnounces, from, req.TransactionID, buf)
	}
	a, r := &h.announce, &h.reply
	*a = tracker.Announce{
		InfoHash: req.InfoHash,
		Peer:     from.peer(req.Port),
		Left:     req.Left,
		Event:    req.TrackerEvent(),
		NumWant:  int(req.NumWant),
		Limit:    bep15.MaxPeers4,
	}
	// The tracker writes the peers where they belong in the reply.
	r.Peers4, r.Peers6 = buf[bep15.AnnounceReplySize:bep15.AnnounceReplySize], nil
	if a.Peer.Family() == tracker.IPv6 {
		a.Limit = bep15.MaxPeers6
		r.Peers4, r.Peers6 = r.Peers6, r.Peers4
	}
	h.tracker.Announce(h.now, a, r)
	if r.Refused {
		h.count.recent[countRefused]++
	} else {
		h.count.recent[countAnnounces]++
	}
	h.logAnnounce(a, &req)
	head := bep15.AnnounceReply{
		TransactionID: req.TransactionID,
		Interval:      r.Interval,
		Leechers:      r.Leechers,
		Seeders:       r.Seeders,
	}.Append(buf[:0])
	return head[:bep15.AnnounceReplySize+len(r.Peers4)+len(r.Peers6)]
}

func (h *handler) answerScrape(from source, packet, buf []byte) []byte {
	req, err := bep15.ParseScrapeRequest(packet)
	if err != nil {
		return h.drop(DropShortScrape)
	}
	if !h.ids.valid(req.ConnectionID, from.addr, h.slot) {
		return h.refuse(countStaleScrapes, from, req.TransactionID, buf)
	}
	h.count.recent[countScrapes]++
	reply := bep15.ScrapeReply{TransactionID: req.TransactionID}.Append(buf[:0])
	for i := range req.Len() {
		c := h.tracker.Scrape(h.now, req.InfoHash(i))
		reply = bep15.ScrapeRow{
			Seeders:   c.Seeders,
			Completed: uint32(min(c.Downloaded, math.MaxUint32)),
			Leechers:  c.Leechers,
		}.Append(reply)
	}
	return reply
}

// refuse answers a request with a wrong or expired connection id. The source
// may be forged, so it never gets more bytes than came, nor many replies. Those
// that are sent are counted as stale.
func (h *handler) refuse(stale count, from source, transaction uint32, buf []byte) []byte {
	if !h.limiter.allow(from, h.second) {
		return h.drop(DropConnectionID)
	}
	h.count.recent[stale]++
	return bep15.ErrorReply{TransactionID: transaction, Text: errorConnectionID}.Append(buf[:0])
}

// note notes a packet that was drawn. An announce counts for its client program only if
// its source is not forged.
func (h *handler) note(from source, packet []byte) {
	req, err := bep15.ParseAnnounceRequest(packet)
	isAnnounce := err == nil && h.ids.valid(req.ConnectionID, from.addr, h.slot)
	h.sampler.Note(from.peer(0).Network(), binary.BigEndian.Uint64(req.PeerID[:]), isAnnounce)
}

func (h *handler) drop(reason Drop) []byte {
	h.count.recent[countDropped+count(reason)]++
	h.dropped = reason
	return nil
}

// logAnnounce logs an announce, at the level for those who look for one client's
// trouble.
func (h *handler) logAnnounce(a *tracker.Announce, req *bep15.AnnounceRequest) {
	if e := h.log.Trace(); e.Enabled() {
		e.Stringer("peer", a.Peer).
			Stringer("info_hash", a.InfoHash).
			Hex("peer_id", req.PeerID[:]).
			Uint32("event", req.Event).
			Uint64("left", req.Left).
			Int32("num_want", req.NumWant).
			Str("url_data", bep15.URLData(req.Options)).
			Msg("announce")
	}
}
