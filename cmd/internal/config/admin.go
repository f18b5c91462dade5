package config

import "net/netip"

// Admin is the table [admin]. The zero Listen turns it off;
// an empty Token asks for none.
type Admin struct {
	Listen    Endpoint
	Token     string
	TokenFile string // path; if not empty, Token is read from it
	// ReadToken allows requests that look and do no more. There is a Token too then,
	// and it is another one.
	ReadToken     string
	ReadTokenFile string // path; if not empty, ReadToken is read from it
}

func (a *Admin) keys() []key {
	return []key{
		declare("listen", &a.Listen, Endpoint{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 6970)}, emptyOr(endpoint),
			"Address to listen on, or \"unix:/PATH\"; empty turns it off. [::] is IPv6 only,\n"+
				"0.0.0.0 IPv4 only."),
		declare("token", &a.Token, "", bearerToken,
			"The token that requests must send, as \"Authorization: Bearer TOKEN\". Required\n"+
				"unless listen is a loopback address or a unix socket.").asSecretOr("token_file", &a.TokenFile),
		declare("token_file", &a.TokenFile, "", text,
			"File with the token, instead of token."),
		declare("read_token", &a.ReadToken, "", bearerToken,
			"A second token, for monitoring and dashboards. It reads metrics and state; it\n"+
				"cannot change anything, copy the database, trace or profile. Needs a token.").asSecretOr("read_token_file", &a.ReadTokenFile),
		declare("read_token_file", &a.ReadTokenFile, "", text,
			"File with the read-only token, instead of read_token."),
	}
}
