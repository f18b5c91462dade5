package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport/unicast"
	"keeptrack/tracker"
)

// full gives every key a value that is not its default.
const full = `
[process]
user = "keeptrack"
[log]
level = "trace"
format = "json"
[tracker]
announce_interval = "1h30m"
interval_jitter = "0"
min_announce_interval = "90s"
peer_timeout = "2h"
torrent_timeout = "0"
max_memory = "1536MiB"
max_torrents = 5_000_000
max_peers_per_address = 64
max_torrents_per_address = 20_000
default_numwant = 0
max_numwant = 80
top_clients = false
allow_private_addresses = true
allow_networks = ["198.18.0.0/15", "fd00:1::/32"]
[udp]
listen = ["127.0.0.1:0"]
workers = 3
receive_buffer = "512KiB"
batch_delay = "0"
connection_id_lifetime = "2m"
connection_secret = "000102030405060708090a0b0c0d0e0F"
[http]
listen = []
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
client_address_header = "CF-Connecting-IP"
redirect_url = "https://example.org/tracker"
page = true
contact = "abuse@example.org"
full_scrape = true
max_connections = 1
max_connections_per_address = 7
[https]
listen = ["127.0.0.1:443"]
acme_domains = ["Tracker.example.org"]
acme_email = "admin@example.org"
acme_directory = "https://acme.example.org/directory"
acme_listen = ["127.0.0.1:80"]
max_connections = 2
[admin]
listen = "192.0.2.1:80"
token = "s3cret"
read_token = "l00k"
[access]
mode = "deny"
file = "hashes.txt"
[store]
path = "/var/lib/keeptrack/a b.db"
checkpoint_interval = "100ms"
keep_peers = false
peers_interval = "0"
[livesync]
enabled = true
transport = "unicast"
listen = ":9696"
peers = ["10.0.0.7:9696", "[FD00::1]:1"]
interface = "eth0"
group = "224.0.23.5"
port = 65535
nodes = ["192.0.2.7"]
loopback = true
nats_urls = ["nats://192.0.2.7", "tls://nats.example.org:4222"]
nats_credentials = "/etc/keeptrack/user.creds"
nats_user = "keeptrack"
nats_password = "pass word"
nats_ca = "/etc/keeptrack/ca.pem"
nats_subject = "site.keeptrack"
id = "DEADbeef"
max_payload = 207
max_delay = "10ms"
renew_after = "1s"
first_beacon_delay = "200ms"
beacon_interval = "100ms"
inquire_threshold = 1
tell_rate = 1
peer_rate = 10000
key_file = "/etc/keeptrack/group key"
accept_plain = true
`

func TestParseSetsEveryKey(t *testing.T) {
	secret, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	want := &Config{
		Process: Process{User: "keeptrack"},
		Log:     Log{Level: zerolog.TraceLevel, Format: LogJSON},
		Tracker: Tracker{
			AnnounceInterval: 90 * time.Minute, MinAnnounceInterval: 90 * time.Second, PeerTimeout: 2 * time.Hour,
			MaxMemory: 1536 << 20, MaxTorrents: 5000000, MaxPeersPerAddress: 64, MaxTorrentsPerAddress: 20000, MaxNumWant: 80, AllowPrivateAddresses: true,
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("fd00:1::/32")},
		},
		UDP: UDP{
			Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 3,
			ReceiveBuffer: 512 << 10, ConnectionIDLifetime: 2 * time.Minute, ConnectionSecret: secret,
		},
		HTTP: HTTP{
			TrustedProxies:      []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")},
			ClientAddressHeader: "CF-Connecting-IP",
			RedirectURL:         "https://example.org/tracker", Page: true, Contact: "abuse@example.org", FullScrape: true, MaxConnections: 1, MaxConnectionsPerAddress: 7,
		},
		HTTPS: HTTPS{
			Listen: OverTCP([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:443")}), MaxConnections: 2,
			ACMEDomains: []string{"tracker.example.org"}, ACMEEmail: "admin@example.org", ACMEDirectory: "https://acme.example.org/directory",
			ACMEListen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:80")},
		},
		Admin:  Admin{Listen: Endpoint{AddrPort: netip.MustParseAddrPort("192.0.2.1:80")}, Token: "s3cret", ReadToken: "l00k"},
		Access: Access{Mode: tracker.AccessDeny, File: "hashes.txt"},
		Store:  Store{Path: "/var/lib/keeptrack/a b.db", CheckpointInterval: 100 * time.Millisecond},
		LiveSync: LiveSync{
			Enabled: true, Transport: OverUnicast,
			Multicast: Multicast{
				Interface: "eth0", Group: netip.MustParseAddr("224.0.23.5"), Port: 65535,
				Nodes: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}, Loopback: true,
			},
			Unicast: Unicast{
				Listen: netip.AddrPortFrom(netip.Addr{}, 9696),
				Peers:  []unicast.Peer{{Host: "10.0.0.7", Port: 9696}, {Host: "fd00::1", Port: 1}},
			},
			NATS: NATS{
				NATSURLs:        []string{"nats://192.0.2.7", "tls://nats.example.org:4222"},
				NATSCredentials: "/etc/keeptrack/user.creds", NATSUser: "keeptrack", NATSPassword: "pass word",
				NATSCA: "/etc/keeptrack/ca.pem", NATSSubject: "site.keeptrack",
			},
			MaxPayload: 207,
			ID:         []byte{0xde, 0xad, 0xbe, 0xef}, MaxDelay: 10 * time.Millisecond,
			RenewAfter: time.Second, FirstBeaconDelay: 200 * time.Millisecond,
			BeaconInterval: 100 * time.Millisecond, InquireThreshold: 1, TellRate: 1, PeerRate: 10_000,
			KeyFile: "/etc/keeptrack/group key", AcceptPlain: true,
		},
	}
	got, err := Parse("full.toml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	wantConfig(t, got, want)
}

func TestFullSetsEveryKey(t *testing.T) {
	def := Default()
	inFiles := strings.NewReplacer("token =", "token_file =", "nats_password =", "nats_password_file =", "connection_secret =", "connection_secret_file =").Replace(full)
	changed := map[string]bool{}
	files := "[https]\nlisten = [\"127.0.0.1:443\"]\ncertificate = \"a\"\nkey = \"b\"\n"
	for _, text := range []string{full, inFiles, files} { // a secret is in one of two places, a certificate from one of two
		live, restart := Diff(def, parse(t, text))
		for _, name := range slices.Concat(live, restart) {
			changed[name] = true
		}
	}
	for _, table := range def.tables() {
		for _, k := range table.keys {
			if name := table.name + "." + k.name; !changed[name] {
				t.Errorf("the text full does not set %s to another value than the default", name)
			}
		}
	}
}

func TestParseReportsEverythingAtOnce(t *testing.T) {
	text := `listen = 3
[tracker]
peer_timeout = 30
announce_intervall = "30m"

[livesync]
port = 70000
enabled = true
nodes = ["10.0.0.1/8", 3, "10.0.0.1", "10.0.0.1/32"]

[upd]
listen = []
`
	want := []string{
		`:1: listen: unknown key, did you mean udp.listen?`,
		`:3: tracker.peer_timeout: must be a duration from "1s" to "24h", not 30`,
		`:4: tracker.announce_intervall: unknown key, did you mean tracker.announce_interval?`,
		`:7: livesync.port: must be a number from 1 to 65535, not 70000`,
		`:8: livesync.interface: is required because livesync.enabled is true and livesync.transport is "multicast"`,
		`:9: livesync.nodes: entry 1 must not have bits set past its length: did you mean "10.0.0.0/8" or "10.0.0.1/32"?; ` +
			`entry 2 must be a network such as "192.0.2.0/24" or "2001:db8::/32", not 3; entry 4 repeats 10.0.0.1/32`,
		`:11: upd: unknown table, did you mean [udp]?`,
	}
	_, err := Parse("bad.toml", []byte(text))
	var all Errors
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want Errors", err)
	}
	if got := strings.ReplaceAll(all.Error(), "bad.toml", ""); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// refusal is a text and a part of the one line that it is refused with.
type refusal struct{ name, text, want string }

// overUnicast returns a config whose line 4 is livesync.listen, and 5 livesync.peers.
func overUnicast(listen string, peers ...string) string {
	return fmt.Sprintf("[livesync]\nenabled = true\ntransport = \"unicast\"\nlisten = %q\npeers = [\"%s\"]\n", listen, strings.Join(peers, "\", \""))
}

// overNATS returns a config whose line 4 is livesync.nats_urls, and 5 the first of more.
func overNATS(url, more string) string {
	return fmt.Sprintf("[livesync]\nenabled = true\ntransport = \"nats\"\nnats_urls = [%q]\n%s\n", url, more)
}

// numbers returns those from first to last.
func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// refusedForm are faults of syntax and names.
var refusedForm = []refusal{
	{"syntax", "[log]\nlevel = \n", "f:2: expected value"},
	{"key set twice", "[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "f:3: Key 'log.level' has already been defined."},
	{"escaped line break", "[log]\nlevel = \"\\\n\"", `invalid escape in string '\\n'`},
	{"control character in a key", "\"\u009b\" = 1", `f:1: "\u009b": unknown key`},
	{"invalid UTF-8", "[log]\nlevel = \"\xff\"\n", "f:2: invalid UTF-8"},
	{"table as a value", "tracker = 5", "f:1: tracker: must be a table: [tracker] on a line of its own, not 5"},
	{"table as an array", "[[tracker]]\n", "f:1: tracker: must be a table"},
	{"value as a table", "[log.level]\nx = 1", "f:1: log.level: must be one of"},
	{"implied table", "\n[a.b.c]\nd = 1", "f:2: a: unknown table"},
	{"unknown table below a known one", "[udp.listen4]", "f:1: udp.listen4: unknown table, did you mean udp.listen?"},
	{"unlike anything", "[udp]\nzzzzzz = 1", "f:2: udp.zzzzzz: unknown key"},
	{"wrong case", "[UDP]", "f:1: UDP: unknown table, did you mean [udp]?"},
	{"letters swapped", "[log]\nlevle = \"info\"", "f:2: log.levle: unknown key, did you mean log.level?"},
	{"key of another table", "[http]\nworkers = 2", "f:2: http.workers: unknown key, did you mean udp.workers?"},
	{"odd name", "[udp]\n\"a\\nb\" = 2", `f:2: udp."a\nb": unknown key`},
}

// refusedValues are values that a key alone refuses.
var refusedValues = []refusal{
	{"level", "[log]\nlevel = \"loud\"", `must be one of "trace", "debug", "info", "warn", "error", not "loud"`},
	{"boolean as string", "[http]\nfull_scrape = \"yes\"", `must be true or false, not "yes"`},
	{"string as number", "[store]\npath = 5", "must be a string, not 5"},
	{"number as string", "[udp]\nworkers = \"5\"", `must be a number from 0 to 256, not "5"`},
	{"number as float", "[udp]\nworkers = 1.5", "not 1.5"},
	{"number below", "[udp]\nworkers = -1", "not -1"},
	{"port 0", "[livesync]\nport = 0", "must be a number from 1 to 65535, not 0"},
	{"duration without unit", "[tracker]\npeer_timeout = \"30\"", `not "30"`},
	{"duration below", "[livesync]\nmax_delay = \"9ms\"", `must be a duration from "10ms" to "1h", not "9ms"`},
	{"duration above", "[udp]\nbatch_delay = \"101ms\"", `must be a duration from "0" to "100ms", not "101ms"`},
	{"duration negative", "[tracker]\ninterval_jitter = \"-1s\"", `not "-1s"`},
	{"duration as a date", "[tracker]\npeer_timeout = 2026-01-02", "not a date or time"},
	{"duration neither 0 nor in range", "[tracker]\ntorrent_timeout = \"1ms\"", `not "1ms"; "0" is allowed too`},
	{"store interval below", "[store]\ncheckpoint_interval = \"99ms\"", `not "99ms"`},
	{"size in the wrong unit", "[udp]\nreceive_buffer = \"8MB\"", `must be a size from "4KiB" to "1GiB", in GiB, MiB, KiB or B, not "8MB"`},
	{"size without unit", "[udp]\nreceive_buffer = 8388608", "not 8388608"},
	{"size below", "[udp]\nreceive_buffer = \"4095B\"", `not "4095B"`},
	{"size overflowing", "[udp]\nreceive_buffer = \"2147483647GiB\"", `not "2147483647GiB"`},
	{"memory below", "[tracker]\nmax_memory = \"1MiB\"", `max_memory: must be a size from "8MiB" to "1048576GiB", in GiB, MiB, KiB or B, not "1MiB"; "auto" and "0" are allowed too`},
	{"memory as a number", "[tracker]\nmax_memory = 0", `not 0; "auto" and "0" are allowed too`},
	{"memory beyond any", "[tracker]\nmax_memory = \"9223372036854775807GiB\"", `not "9223372036854775807GiB"; "auto"`},
	{"size negative", "[udp]\nreceive_buffer = \"-8MiB\"", `not "-8MiB"`},
	{"ratio 0", "[livesync]\ninquire_threshold = 0.0", "must be a number above 0 and at most 1, not 0"},
	{"ratio above", "[livesync]\ninquire_threshold = 1.01", "not 1.01"},
	{"ratio not a number", "[livesync]\ninquire_threshold = nan", "not NaN"},
	{"address without list", "[udp]\nlisten = \"0.0.0.0:1\"", `must be a list, in brackets, not "0.0.0.0:1"`},
	{"address without host", "[udp]\nlisten = [\":6969\"]", `entry 1 must be an IP address and port such as "0.0.0.0:6969" or "[::]:6969", not ":6969"`},
	{"address by name", "[admin]\nlisten = \"localhost:80\"", `not "localhost:80"`},
	{"address with a port too high", "[udp]\nlisten = [\"0.0.0.0:65536\"]", `not "0.0.0.0:65536"`},
	{"address mapped", "[udp]\nlisten = [\"[::ffff:1.2.3.4]:1\"]", "entry 1 must be written as an IPv4 address"},
	{"address twice", "[udp]\nlisten = [\"1.2.3.4:1\", \"1.2.3.4:1\"]", "entry 2 repeats 1.2.3.4:1"},
	{"network of multicast", "[tracker]\nallow_networks = [\"10.0.0.0/8\", \"239.0.0.0/8\"]",
		`f:2: tracker.allow_networks: entry 2 must not be within 224.0.0.0/4, where no peer can be reached: not "239.0.0.0/8"`},
	{"network of link-local addresses", "[tracker]\nallow_networks = [\"fe80::/64\"]", "entry 1 must not be within fe80::/10"},
	{"network to allow that is none", "[tracker]\nallow_networks = [\"all\"]", "entry 1 must be a network"},
	{"network mapped", "[livesync]\nnodes = [\"::ffff:10.0.0.0/104\"]", "entry 1 must be written as an IPv4 address"},
	{"network with a zone", "[livesync]\nnodes = [\"fe80::1%eth0\"]", "entry 1 must be a network"},
	{"transport unknown", "[livesync]\nenabled = true\ntransport = \"tcp\"", `f:3: livesync.transport: must be one of "multicast", "unicast", "nats"`},
	{"payload below", "[livesync]\nmax_payload = 162", "must be a number from 163 to 1472, not 162; 0 is allowed too"},
	{"unicast on port 0", "[livesync]\nlisten = \"10.0.0.1:0\"", "f:2: livesync.listen: must have a port other than 0"},
	{"unicast on a name", "[livesync]\nlisten = \"localhost:1\"", `must be an IP address and port such as "192.0.2.1:9696" or "[2001:db8::1]:9696", or ":9696", not "localhost:1"`},
	{"unicast on an address mapped", "[livesync]\nlisten = \"[::ffff:10.0.0.1]:1\"", "must be written as an IPv4 address"},
	{"peer without a port", "[livesync]\npeers = [\"a.example.org\"]", "f:2: livesync.peers: entry 1 must be a host and port"},
	{"peer mapped", "[livesync]\npeers = [\"[::ffff:10.0.0.1]:1\"]", "entry 1 must be written as an IPv4 address"},
	{"peer twice", "[livesync]\npeers = [\"[fd00:0::1]:1\", \"[fd00::1]:1\"]", "entry 2 repeats [fd00::1]:1"},
	{"peers beyond any", "[livesync]\npeers = [\"a:" + strings.Join(numbers(1, 65), "\", \"a:") + "\"]", "must have at most 64 entries, not 65"},
	{"NATS server without a scheme", "[livesync]\nnats_urls = [\"192.0.2.7:4222\"]", "f:2: livesync.nats_urls: entry 1 must be"},
	{"NATS server with a password", "[livesync]\nnats_urls = [\"nats://a\", \"nats://u:p@a\"]", "f:2: livesync.nats_urls: entry 2 must not have a user or password"},
	{"NATS subject with a wildcard", "[livesync]\nnats_subject = \"a.*\"", "f:2: livesync.nats_subject: must be letters, digits"},
	{"group not multicast", "[livesync]\ngroup = \"10.0.0.1\"", `must be an IPv4 multicast address, 224.0.0.0 to 239.255.255.255, not "10.0.0.1"`},
	{"group IPv6", "[livesync]\ngroup = \"ff02::1\"", `not "ff02::1"`},
	{"header empty", "[http]\nclient_address_header = \"\"", `f:2: http.client_address_header: must be the name of a header such as "X-Forwarded-For", not ""`},
	{"header with a colon", "[http]\nclient_address_header = \"X-Real-IP:\"", `not "X-Real-IP:"`},
	{"header with a letter of Unicode", "[http]\nclient_address_header = \"X-Réal-IP\"", `not "X-Réal-IP"`},
	{"header that is used", "[http]\nclient_address_header = \"host\"", "this one means something else"},
	{"header that the page uses", "[http]\nclient_address_header = \"X-Forwarded-Proto\"", "this one means something else"},
	{"URL relative", "[http]\nredirect_url = \"/x\"", `must be a URL such as "https://example.org/", or empty, not "/x"`},
	{"URL of another scheme", "[http]\nredirect_url = \"udp://a:1\"", `not "udp://a:1"`},
	{"domain with a wildcard", "[https]\nacme_domains = [\"*.example.org\"]", `f:2: https.acme_domains: entry 1 must be a name such as`},
	{"domain in Unicode", "[https]\nacme_domains = [\"münchen.example\"]", `begin with xn--, not "münchen.example"`},
	{"domain twice", "[https]\nacme_domains = [\"a.example\", \"A.example\"]", `entry 2 repeats a.example`},
	{"address without a host", "[https]\nacme_email = \"admin\"", `f:2: https.acme_email: must be an address such as`},
	{"directory without TLS", "[https]\nacme_directory = \"http://acme.example.org/\"", `f:2: https.acme_directory: must be a URL such as`},
	{"secret too short", "[udp]\nconnection_secret = \"00112233445566778899aabbccddee\"", "must be a string of 32 to 2048 hexadecimal digits, an even number, or empty"},
	{"secret not hexadecimal", "[udp]\nconnection_secret = \"x0112233445566778899aabbccddeeff\"", "must be a string of 32"},
	{"id too long", "[livesync]\nid = \"0011223344\"", "must be a string of 8 hexadecimal digits, or empty"},
	{"id all 0", "[livesync]\nid = \"00000000\"", "f:2: livesync.id: must not be all 0"},
	{"token with a blank", "[admin]\ntoken = \"a b\"", "must be a string of letters, digits and"},
	{"list of tables", "[[udp]]\nworkers = 1", "f:1: udp: must be a table: [udp] on a line of its own, not a list of tables"},
	{"relative unix socket", "[admin]\nlisten = \"unix:a.sock\"", "f:2: admin.listen: must be an absolute path"},
	{"abstract unix socket", "[admin]\nlisten = \"unix:@a\"", "f:2: admin.listen: must be an absolute path"},
	{"contact of two lines", "[http]\ncontact = \"a\\nb\"", `f:2: http.contact: must be text of up to 200 bytes without control characters, not "a\nb"`},
	{"long contact", "[http]\ncontact = \"" + strings.Repeat("a", 201) + "\"", "f:2: http.contact: must be text of up to 200 bytes"},
	{"unclean unix socket", "[http]\nlisten = [\"unix:/run/../a.sock\"]", "f:2: http.listen: entry 1 must be an absolute path"},
	{"long unix socket", "[http]\nlisten = [\"unix:/" + strings.Repeat("a", 103) + "\"]", "f:2: http.listen: entry 1 must have at most 103 bytes"},
	{"unix socket twice", "[http]\nlisten = [\"unix:/a\", \"unix:/a\"]", "f:2: http.listen: entry 2 repeats unix:/a"},
	{"UDP on a unix socket", "[udp]\nlisten = [\"unix:/a\"]", "f:2: udp.listen: entry 1 must be an IP address and port"},
	{"store path empty", "[store]\npath = \"\"", "f:2: store.path: must not be empty"},
}

// refusedTogether are values that do not fit other keys.
var refusedTogether = []refusal{
	{"admin without token", "[admin]\nlisten = \"0.0.0.0:6970\"", "f:2: admin.token: is required because admin.listen is not a loopback address"},
	{"admin on an address of HTTP", "[admin]\nlisten = \"127.0.0.1:6969\"", "f:2: admin.listen: is taken by http.listen"},
	{"HTTPS without a certificate", "[https]\nlisten = [\"127.0.0.1:443\"]", "f:2: https.certificate: and https.key, or https.acme_domains, are required"},
	{"certificate without a key", "[https]\ncertificate = \"a\"", "f:2: https.certificate: and https.key need each other"},
	{"key without a certificate", "[https]\nkey = \"a\"", "f:2: https.certificate: and https.key need each other"},
	{"certificate and ACME", "[https]\ncertificate = \"a\"\nkey = \"b\"\nacme_domains = [\"a\"]", "f:4: https.acme_domains: must be empty, or https.certificate"},
	{"HTTPS on an address of HTTP", "[https]\nlisten = [\"127.0.0.1:6969\"]\nacme_domains = [\"a\"]", "f:2: https.listen: is taken by http.listen"},
	{"HTTPS on the admin address", "[https]\nlisten = [\"127.0.0.1:6970\"]\nacme_domains = [\"a\"]", "f:2: https.listen: is taken by admin.listen"},
	{"ACME on an address of HTTP", "[http]\nlisten = [\"[::]:80\"]\n[https]\nlisten = [\"[::]:443\"]\nacme_domains = [\"a\"]", "f:2: https.acme_listen: is taken by another listen"},
	{"token to look, and none to change", "[admin]\nread_token = \"a\"", "f:2: admin.token: is required because there is an admin.read_token"},
	{"one token for both", "[admin]\ntoken = \"a\"\nread_token = \"a\"", "f:3: admin.read_token: must differ from admin.token"},
	{"secret here and in a file", "[admin]\ntoken = \"a\"\ntoken_file = \"b\"", "f:3: admin.token_file: must be empty, or admin.token"},
	{"connection secret here and in a file", "[udp]\nconnection_secret = \"00112233445566778899aabbccddeeff\"\nconnection_secret_file = \"b\"", "f:3: udp.connection_secret_file: must be empty, or udp.connection_secret"},
	{"admin on a socket of HTTP", "[http]\nlisten = [\"unix:/a\"]\n[admin]\nlisten = \"unix:/a\"", "f:4: admin.listen: is taken by http.listen"},
	{"access without file", "[access]\nmode = \"allow\"", `f:2: access.file: is required because access.mode is "allow"`},
	{"unicast without an address", "[livesync]\nenabled = true\ntransport = \"unicast\"\npeers = [\"10.0.0.1:1\"]",
		`f:2: livesync.listen: is required because livesync.enabled is true and livesync.transport is "unicast"`},
	{"unicast without peers", "[livesync]\nenabled = true\ntransport = \"unicast\"\nlisten = \":9696\"", "f:2: livesync.peers: must name the other instances"},
	{"unicast to a name without a key", overUnicast(":9696", "localhost:9696"), "f:5: livesync.key_file: is required because livesync.peers has a name"},
	{"unicast to a public address without a key", overUnicast(":9696", "10.0.0.1:9696", "192.0.2.1:9696"), "f:5: livesync.key_file: is required"},
	{"plain packets of a name", overUnicast(":9696", "a:1") + "key_file = \"k\"\naccept_plain = true", "f:7: livesync.accept_plain: must be false"},
	{"unicast on the port of the tracker", overUnicast(":6969", "10.0.0.1:9696"), "f:4: livesync.listen: is taken by udp.listen"},
	{"unicast on an address of the tracker", overUnicast("127.0.0.1:6969", "10.0.0.1:9696"), "f:4: livesync.listen: is taken by udp.listen"},
	{"unicast to another family", overUnicast("0.0.0.0:9696", "10.0.0.1:9696", "[fd00::1]:9696"), "f:5: livesync.peers: has an address that cannot be reached"},
	{"NATS without a server", "[livesync]\nenabled = true\ntransport = \"nats\"", `f:2: livesync.nats_urls: is required because livesync.enabled is true and livesync.transport is "nats"`},
	{"NATS with two logins", overNATS("nats://a", "nats_credentials = \"c\"\nnats_user = \"u\"\nnats_password = \"p\""), "f:6: livesync.nats_user: must be empty, or livesync.nats_credentials"},
	{"NATS user without a password", overNATS("nats://a", "nats_user = \"u\""), "f:5: livesync.nats_user: and a password"},
	{"NATS password without a user", overNATS("nats://a", "nats_password_file = \"p\""), "livesync.nats_user: and a password"},
	{"live sync without nodes", "[livesync]\nenabled = true\ninterface = \"eth0\"", "f:2: livesync.nodes: must name"},
	{"no rule on a refused key", "[tracker]\nannounce_interval = \"1s\"\nmin_announce_interval = \"1h\"", `f:2: tracker.announce_interval: must be a duration from "1m" to "3h", not "1s"`},
}

func TestParseRefuses(t *testing.T) {
	for _, c := range slices.Concat(refusedForm, refusedValues, refusedTogether) {
		t.Run(c.name, func(t *testing.T) {
			config, err := Parse("f", []byte(c.text))
			if err == nil {
				t.Fatalf("accepted:\n%v", config)
			}
			if got := err.Error(); !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant one line with %s", got, c.want)
			}
		})
	}
}

func TestRefusedSecretIsNotRepeated(t *testing.T) {
	for _, text := range []string{
		"[udp]\nconnection_secret = \"sesame\"",
		"[admin]\ntoken = \"open sesame\"",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"dotted keys", "log.level = \"warn\"\ntracker.max_numwant = 60"},
		{"inline table", "admin = {listen = \"\", token = \"\"}"},
		{"byte order mark and CRLF", "\xef\xbb\xbf[log]\r\nlevel = \"warn\"\r\n"},
		{"loopback needs no token", "[admin]\nlisten = \"[::1]:6970\""},
		{"unix socket needs no token", "[admin]\nlisten = \"unix:/run/keeptrack/admin.sock\""},
		{"unix socket beside an address", "[http]\nlisten = [\"unix:/run/k.sock\", \"[::1]:80\"]"},
		{"admin off needs no token", "[admin]\nlisten = \"\""},
		{"unicast between private addresses needs no key", overUnicast("0.0.0.0:9696", "10.0.0.1:9696", "127.0.0.1:1") + "accept_plain = true"},
		{"unicast with a key", overUnicast("[::]:9696", "a.example.org:9696", "[2001:db8::1]:9696") + "key_file = \"k\""},
		{"unicast on both families", overUnicast(":9696", "10.0.0.1:9696", "[fd00::1]:9696")},
		{"unicast that is off needs no peers", "[livesync]\ntransport = \"unicast\""},
		{"live sync off needs no nodes", "[livesync]\ninterface = \"eth0\""},
		{"link-local address with its zone", "[udp]\nlisten = [\"[fe80::1%eth0]:6969\"]"},
		{"private tracker", "[tracker]\nannounce_interval = \"1m\"\ninterval_jitter = \"0\"\nmin_announce_interval = \"30s\""},
		{"byte order mark", "\ufeff[log]\nlevel = \"warn\""},
		{"shortest interval without jitter", "[tracker]\nannounce_interval = \"5m\"\ninterval_jitter = \"0\"\nmin_announce_interval = \"5m\""},
		{"networks that hold what is never stored", "[tracker]\nallow_networks = [\"0.0.0.0/0\", \"::/0\", \"240.0.0.0/4\", \"200::/7\"]"},
		{"torrent timeout 0 with a unit", "[tracker]\ntorrent_timeout = \"0s\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse("f", []byte(c.text)); err != nil {
				t.Error(err)
			}
		})
	}
}
