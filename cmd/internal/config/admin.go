package config

import "net/netip"

// Admin is the table [admin]. An invalid Listen (the zero value) turns it off;
// an empty Token asks for none.
type Admin struct {
	Listen netip.AddrPort
	Token  string
}

func (a *Admin) keys() []key {
	return []key{
		declare("listen", &a.Listen, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 6970), emptyOr(addrPort),
			"Address to listen on; empty turns it off."),
		declare("token", &a.Token, "", bearerToken,
			"Asked for as \"Authorization: Bearer TOKEN\". Required when listen is not a\n"+
				"loopback address.").asSecret(),
	}
}
