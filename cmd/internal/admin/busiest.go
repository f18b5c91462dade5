package admin

import (
	"net/http"
	"time"

	"keeptrack/tracker/busiest"
)

// busiestList is who has sent most requests of late, the most first.
type busiestList struct {
	// Since and Until bound the time that is counted, by the daemon's clock.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Total is about the number of all requests then, or for Clients of all announces.
	Total    uint64           `json:"total"`
	Networks []BusiestNetwork `json:"networks,omitempty"`
	Clients  []BusiestClient  `json:"clients,omitempty"`
}

// BusiestNetwork is a network with about its number of requests, which is too high by
// Over at most, apart from chance.
type BusiestNetwork struct {
	// Network is an IPv4 address or an IPv6 /64, or "unix" for clients of unix sockets
	// that no proxy names.
	Network  string `json:"network"`
	Requests uint64 `json:"requests"`
	Over     uint64 `json:"over"`
}

// BusiestClient is a client program with about its number of announces.
type BusiestClient struct {
	// Prefix is what the peer ids begin with, 8 bytes, each as the character of that
	// number; Name that of the program, empty if it is not known.
	Prefix    string `json:"prefix"`
	Name      string `json:"name"`
	Announces uint64 `json:"announces"`
	Over      uint64 `json:"over"`
}

func getNetworks(a API, r *http.Request) (any, error) {
	return getBusiest(a, r, func(list *busiestList, all *busiest.Report) {
		list.Total = all.Requests
		list.Networks = make([]BusiestNetwork, len(all.Networks))
		for i, n := range all.Networks {
			name := "unix"
			if p := n.Key.Prefix(); p.IsSingleIP() {
				name = p.Addr().String()
			} else if p.IsValid() {
				name = p.String()
			}
			list.Networks[i] = BusiestNetwork{name, n.Requests, n.Over}
		}
	})
}

func getClients(a API, r *http.Request) (any, error) {
	return getBusiest(a, r, func(list *busiestList, all *busiest.Report) {
		list.Total = all.Announces
		list.Clients = make([]BusiestClient, len(all.Clients))
		for i, c := range all.Clients {
			prefix := make([]rune, len(c.Key))
			for n, b := range c.Key {
				prefix[n] = rune(b)
			}
			list.Clients[i] = BusiestClient{string(prefix), programOf(c.Key), c.Requests, c.Over}
		}
	})
}

func getBusiest(a API, r *http.Request, fill func(*busiestList, *busiest.Report)) (any, error) {
	limit, err := readLimit(r)
	if err != nil {
		return nil, err
	}
	all, err := a.Busiest(limit)
	if err != nil {
		return nil, err
	}
	list := &busiestList{Since: all.Since.UTC(), Until: time.Now().UTC()}
	fill(list, &all)
	return list, nil
}

// programs are the client programs behind the letters of peer ids like -qB4650- (BEP 20).
var programs = map[string]string{
	"AZ": "Vuze", "BC": "BitComet", "BI": "BiglyBT", "BT": "BitTorrent", "DE": "Deluge", "FD": "Free Download Manager",
	"FW": "FrostWire", "KT": "KTorrent", "LT": "libtorrent", "lt": "rTorrent", "qB": "qBittorrent", "TR": "Transmission",
	"TX": "Tixati", "UM": "µTorrent Mac", "UT": "µTorrent", "UW": "µTorrent Web", "WW": "WebTorrent", "WD": "WebTorrent Desktop",
	"XL": "Xunlei", "SD": "Xunlei", "A2": "aria2", "FL": "Flud", "PI": "PicoTorrent", "GT": "anacrolix/torrent",
}

// programOf returns the program behind the first bytes of a peer id, or nothing.
func programOf(prefix [8]byte) string {
	if string(prefix[:]) == "-KT0001-" { // of its announce and bench
		return "keeptrack"
	}
	if prefix[0] == '-' && prefix[7] == '-' {
		return programs[string(prefix[1:3])]
	}
	switch string(prefix[:3]) {
	case "A2-":
		return programs["A2"]
	case "M7-", "M8-":
		return programs["BT"]
	}
	return ""
}
