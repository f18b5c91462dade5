package config

import "net/netip"

// HTTP is the table [http]. An empty Listen turns the front end off; an empty
// RedirectURL is no redirection.
type HTTP struct {
	Listen         []Endpoint
	TrustedProxies []netip.Prefix
	// ClientAddressHeader is the name of a header, in any case of its letters.
	ClientAddressHeader string
	RedirectURL         string
	Page                bool
	Contact             string
	FullScrape          bool
	MaxConnections      int
	// MaxConnectionsPerAddress is no limit if it is 0.
	MaxConnectionsPerAddress int
}

// defaultClientHeader is what most proxies name clients in.
const defaultClientHeader = "X-Forwarded-For"

func (h *HTTP) keys() []key {
	return []key{
		declare("listen", &h.Listen, OverTCP(everyAddress(6969)), listOf(endpoint),
			"Addresses to listen on. The pair 0.0.0.0 and [::] listens on whatever families\n"+
				"the host has; \"unix:/PATH\" is a unix socket, for a reverse proxy on this\n"+
				"host; an empty list turns HTTP off."),
		declare("trusted_proxies", &h.TrustedProxies, nil, listOf(prefix),
			"Networks (CIDR) of reverse proxies, whose client_address_header is trusted.\n"+
				"That of every client of a unix socket is trusted too."),
		declare("client_address_header", &h.ClientAddressHeader, defaultClientHeader, headerName,
			"The header in which a proxy names the client: Forwarded (RFC 7239), or another\n"+
				"with a list of addresses of which the last counts, such as X-Forwarded-For,\n"+
				"X-Real-IP or CF-Connecting-IP. The proxy must set it, or append to it, in\n"+
				"every request."),
		declare("redirect_url", &h.RedirectURL, "", webAddress,
			"Where to send a browser that asks for /. Empty: no redirect."),
		declare("page", &h.Page, false, boolean,
			"Show a browser that asks for / a page with the announce URLs, counts and the\n"+
				"contact. Lists of trackers want one."),
		declare("contact", &h.Contact, "", lineOf(200),
			"The contact on that page: an e-mail or web address, or other text."),
		declare("full_scrape", &h.FullScrape, false, boolean,
			"Answer a scrape that names no torrent with all torrents."),
		declare("max_connections", &h.MaxConnections, 10000, integer(1, 1_000_000),
			"How many connections may be open at the same time."),
		declare("max_connections_per_address", &h.MaxConnectionsPerAddress, 1000, integer(0, 1_000_000),
			"How many connections one IPv4 address, or one IPv6 /64, may have open, unless\n"+
				"it is a trusted proxy. Further ones are closed at once. 0 is no limit."),
	}
}
