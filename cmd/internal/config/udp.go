package config

import (
	"net/netip"
	"time"
)

// UDP is the table [udp]. An empty Listen turns the front end off; Workers is
// per address, with 0 for one per CPU; ReceiveBuffer is in bytes; a nil
// ConnectionSecret stands for those derived from the keys of live sync, or for the one in
// the database if there are none.
type UDP struct {
	Listen               []netip.AddrPort
	Workers              int
	ReceiveBuffer        int
	BatchDelay           time.Duration
	ConnectionIDLifetime time.Duration
	ConnectionSecret     []byte
	ConnectionSecretFile string // path; if not empty, ConnectionSecret is read from it
}

func (u *UDP) keys() []key {
	return []key{
		declare("listen", &u.Listen, everyAddress(6969), listOf(addrPort),
			"Addresses to listen on. The pair 0.0.0.0 and [::] listens on whatever families\n"+
				"the host has; an empty list turns UDP off."),
		declare("workers", &u.Workers, 0, integer(0, 256),
			"Sockets per address; 0 is one per CPU. Each has a thread, unless that were\n"+
				"more threads than CPUs. One thread serves all while the load is light."),
		declare("receive_buffer", &u.ReceiveBuffer, 8*mebibyte, size(4*kibibyte, gibibyte),
			"Size of each socket's receive buffer. net.core.rmem_max limits it; if the\n"+
				"buffer is smaller than this, a warning at the start says so."),
		declare("batch_delay", &u.BatchDelay, 1500*time.Microsecond, duration(0, 100*time.Millisecond),
			"The longest wait to gather packets for one system call. \"0\" never waits."),
		declare("connection_id_lifetime", &u.ConnectionIDLifetime, 10*time.Minute, duration(time.Second, day),
			"How long a client may use a connection id."),
		declare("connection_secret", &u.ConnectionSecret, nil, hexBytes(16, 1024),
			"At least 16 bytes in hexadecimal digits, from which connection ids are made.\n"+
				"Instances that share a name need the same one. Empty: made from\n"+
				"livesync.key_file, or kept in the database if there is none.").asSecretOr("connection_secret_file", &u.ConnectionSecretFile),
		declare("connection_secret_file", &u.ConnectionSecretFile, "", text,
			"File with the secret, instead of connection_secret."),
	}
}

// everyAddress returns the wildcard addresses of both families.
func everyAddress(port uint16) []netip.AddrPort {
	return []netip.AddrPort{
		netip.AddrPortFrom(netip.IPv4Unspecified(), port),
		netip.AddrPortFrom(netip.IPv6Unspecified(), port),
	}
}
