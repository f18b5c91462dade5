package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"keeptrack/tracker"
)

// errBody is wrapped by errors on answers that are bencoded, but none of a
// tracker.
var errBody = errors.New("not a tracker's answer")

// maxSeconds keeps intervals far from overflow.
const maxSeconds = 1 << 31

func parseAnnounceBody(dict map[string]any) (Reply, error) {
	f := fields{dict: dict}
	r := Reply{
		Interval:    f.seconds("interval"),
		MinInterval: f.seconds("min interval"),
		Seeders:     f.count("complete"),
		Leechers:    f.count("incomplete"),
	}
	if _, ok := dict["downloaded"]; ok {
		n := f.count("downloaded")
		r.Downloaded = &n
	}
	if ip, ok := dict["external ip"].(string); ok {
		r.ExternalIP, _ = netip.AddrFromSlice([]byte(ip))
	}
	r.Warning, _ = dict["warning message"].(string)
	if list, ok := dict["peers"].([]any); ok {
		r.Peers = f.peerList(list)
	} else {
		r.Peers = appendPeers(r.Peers, f.compact("peers", tracker.CompactSize4), 4)
	}
	r.Peers = appendPeers(r.Peers, f.compact("peers6", tracker.CompactSize6), 16)
	return r, f.err
}

// parseScrapeBody appends one row for each of the hashes.
func parseScrapeBody(rows []Scraped, hashes []tracker.InfoHash, dict map[string]any) ([]Scraped, error) {
	files, ok := dict["files"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: no files", errBody)
	}
	for _, h := range hashes {
		v, found := files[string(h[:])]
		if !found {
			rows = append(rows, Scraped{InfoHash: h, Missing: true})
			continue
		}
		row, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%w: %s is not a dictionary", errBody, h)
		}
		f := fields{dict: row}
		rows = append(rows, Scraped{
			InfoHash:   h,
			Seeders:    f.count("complete"),
			Leechers:   f.count("incomplete"),
			Downloaded: f.count("downloaded"),
		})
		if f.err != nil {
			return nil, f.err
		}
	}
	return rows, nil
}

// fields reads a dictionary's fields and keeps the first error. A field that is
// not there reads as zero.
type fields struct {
	dict map[string]any
	err  error
}

func (f *fields) count(key string) uint64 {
	v, found := f.dict[key]
	n, ok := v.(int64)
	if found && (!ok || n < 0) {
		f.fail("%s is not a count", key)
		return 0
	}
	return uint64(n)
}

func (f *fields) seconds(key string) time.Duration {
	n := f.count(key)
	if n > maxSeconds {
		f.fail("%s is %d s", key, n)
		return 0
	}
	return time.Duration(n) * time.Second
}

// compact returns a string of peers of size bytes each (BEP 23, BEP 7).
func (f *fields) compact(key string, size int) []byte {
	v, found := f.dict[key]
	s, ok := v.(string)
	if found && (!ok || len(s)%size != 0) {
		f.fail("%s is not a string of %d-byte peers", key, size)
		return nil
	}
	return []byte(s)
}

// peerList reads peers given as dictionaries (BEP 3).
func (f *fields) peerList(list []any) []netip.AddrPort {
	peers := make([]netip.AddrPort, 0, len(list))
	for _, e := range list {
		d, _ := e.(map[string]any)
		ip, _ := d["ip"].(string)
		port, _ := d["port"].(int64)
		addr, err := netip.ParseAddr(ip)
		if err != nil || port < 0 || port > 0xffff {
			f.fail("a peer without address and port")
			return nil
		}
		peers = append(peers, netip.AddrPortFrom(addr, uint16(port)))
	}
	return peers
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s", errBody, fmt.Sprintf(format, args...))
	}
}

// appendPeers appends the peers in compact form, whose addresses have addrSize
// bytes.
func appendPeers(dst []netip.AddrPort, compact []byte, addrSize int) []netip.AddrPort {
	for size := addrSize + 2; len(compact) >= size; compact = compact[size:] {
		addr, _ := netip.AddrFromSlice(compact[:addrSize])
		dst = append(dst, netip.AddrPortFrom(addr, binary.BigEndian.Uint16(compact[addrSize:])))
	}
	return dst
}
