package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stage is a part of the life of a reader at a bare Debian.
type stage struct {
	place
	before func(*reader) // makes what the document takes for granted
	with   []string      // in pairs: what is replaced in the commands, and by what; see also standIns
	says   string        // a regular expression for what all commands together print
	soon   bool          // the last line prints that after a while
	status int           // how each command ends
}

// standIns are what words in capitals stand for.
var standIns = map[string]string{
	"ADDRESS": "127.0.0.1", "FILE": packagedConfig, "HASH": infoHash, "HOST": "127.0.0.1", "NEW": "127.0.0.1", "OLD": "127.0.0.2", "OUT": "/var/backups/out.db",
	"URL": "http://127.0.0.1:6969/announce",
}

const (
	packagedConfig = "/etc/keeptrack/keeptrack.toml"
	database       = "/var/lib/keeptrack/keeptrack.db"
	local          = "[tracker]\nallow_private_addresses = true\n"
	token          = "opensesame"
	overSocket     = local + "[admin]\nlisten = \"unix:/run/keeptrack/admin.sock\"\n"
)

// session is that life. A command belongs to the first stage that has it.
var session = []stage{
	{place: place{"README.md#Get it", "apt install "}, says: `state +ready`},
	{place: place{"docs/install.md#Debian and Ubuntu", "apt install "}, says: `state +ready`},
	{place: place{"docs/install.md#Install keeptrack", ""}, says: `\.deb: OK\n(.*\n)*keeptrack v0\.1\.0`},
	{place: place{"docs/install.md#Debian and Ubuntu", "editor |keeptrack |systemctl |sysctl "}, says: `(?s)allow_private_addresses = true.*rmem_max = 8388608`},
	{place: place{"docs/configure.md", "keeptrack config |systemctl reload keeptrack"}, says: `allow_private_addresses = true`},

	{place: place{"README.md#A public tracker in ten minutes", "keeptrack config check "}, before: func(r *reader) {
		r.put(packagedConfig, r.toml("README.md", "A public tracker in ten minutes", 0))
		r.put("/etc/hosts", "127.0.0.1 localhost\n192.0.2.1 tracker.example.org a.example.org\n")
	}, says: `abuse@example.org`},
	{place: place{"README.md#A public tracker in ten minutes", "keeptrack access refuse "}, says: infoHash},
	{place: place{"README.md#A public tracker in ten minutes", "keeptrack check "}, before: func(r *reader) { r.run("systemctl", "restart", "keeptrack") }, says: `(?s)udp.*192\.0\.2\.1.*http`, status: 1},
	{place: place{"docs/operate.md", "keeptrack check "}, with: []string{"NAME", "tracker.example.org"}, says: `udp`, status: 1},

	{place: place{"docs/install.md#Under systemd", "systemctl edit keeptrack|systemctl start keeptrack"}, before: func(r *reader) { r.put("/root/override", "[Service]\nMemoryMax=1G\n") }},
	{place: place{"docs/install.md#HTTPS", "install "}, before: (*reader).getCertificate},
	{place: place{"docs/install.md#HTTPS", "systemctl edit "}, before: func(r *reader) {
		r.put("/root/override", r.overrides("docs/install.md", "HTTPS"))
		r.put(packagedConfig, r.packaged()+r.toml("docs/install.md", "HTTPS", 0))
	}},
	{place: place{"docs/install.md#System settings", "nft "}, before: func(r *reader) {
		r.run("systemctl", "restart", "keeptrack")
		r.run("curl", "--insecure", "--silent", "https://127.0.0.1/announce?port=6881&left=0&info_hash=aaaaaaaaaaaaaaaaaaaa")
	}},
	{place: place{"docs/install.md#Container", "sysctl "}, says: "= 443"},

	{place: place{"docs/api.md#The admin address", "curl "}, before: func(r *reader) { r.serve(local); r.announce() },
		with: []string{"-X DELETE http://127.0.0.1:6970/api/v1/cluster/MEMBER", "http://127.0.0.1:6970/api/v1/cluster"}, says: infoHash},
	{place: place{"docs/api.md#The admin address", "keeptrack "}, with: []string{"10.0.0.1", "127.0.0.1", "10.0.0.2", "127.0.0.1"}, says: infoHash},
	{place: place{"docs/api.md", "openssl "}, says: `^[0-9a-f]{64}\n`},
	{place: place{"docs/cluster.md", "openssl rand "}, says: `^[0-9a-f]{64}\n`},
	{place: place{"docs/opentracker-stats.md", "curl "}, before: func(r *reader) { r.serve(local); r.announce() }, says: "opentracker serving 1 torrents"},
	{place: place{"SECURITY.md", "keeptrack version"}, says: "CycloneDX"},

	{place: place{"docs/operate.md#Questions and what answers them", "keeptrack (status|top|trace --|access|compare) ?"}, before: func(r *reader) {
		r.put("/root/release/counts.txt", infoHash+":29000000:0\n")
		r.serve(local + "[admin]\ntoken = \"" + token + "\"\n")
		r.announce()
	}, with: []string{
		"--admin URL", "--admin http://127.0.0.1:6970", "FILE OLD NEW", "counts.txt udp://127.0.0.1:6969 udp://127.0.0.1:6969", "--for 10m", "--for 1s",
		"--client ADDRESS", "--client ADDRESS --for 1s",
	}, says: infoHash},
	{place: place{"docs/install.md#Behind a reverse proxy", "curl |keeptrack backup "}, before: func(r *reader) { r.serve(overSocket) }, says: "keeptrack_ready 1"},
	{place: place{"docs/operate.md", "keeptrack backup --admin "}, with: []string{"ADDRESS", "unix:/run/keeptrack/admin.sock"}, says: "out.db"},
	{place: place{"README.md", "keeptrack backup "}, before: func(r *reader) { r.serve(local) }, says: "out.db"},
	{place: place{"docs/operate.md#Backup", `keeptrack backup --config|17 4 \* \* \* `}, with: []string{"17 4 * * * ", "", `\%`, "%"}, says: `keeptrack\.[1-7]\.db`},
	{place: place{"docs/operate.md", `keeptrack backup --config FILE$`}, with: []string{"FILE", "FILE OUT"}},
	{place: place{"docs/operate.md", `keeptrack backup --config FILE OUT`}},
	{place: place{"docs/operate.md", `curl HOST:6970/readyz|journalctl |systemctl status |keeptrack config check `}, says: `(?s)ready.*active \(running\)`},
	{place: place{"docs/operate.md", `keeptrack announce `}, before: (*reader).announce, with: []string{"NAME:PORT", "HOST:6969"}, says: `external ip`},
	{place: place{"docs/api.md#Access lists", "keeptrack access refuse "}, with: []string{"…", ""}, says: infoHash},
	{place: place{"docs/cluster.md#The network of a multicast group", "sysctl "}, says: "rmem_max = 8388608"},

	{place: place{"docs/cluster.md#A key", `\(umask `}},
	{place: place{"docs/cluster.md#On one network: multicast", "nft "}},
	{place: place{"docs/cluster.md#Between clouds and sites: unicast", "nft "}},
	{place: place{"docs/cluster.md#Three sites with a NATS server each", "nft "}},
	{place: place{"docs/cluster.md#Between clouds and sites: unicast", "systemctl "}, before: func(r *reader) {
		r.run("chown", "keeptrack:", "/etc/keeptrack/group.key")
		r.put("/etc/hosts", "127.0.0.1 localhost\n192.0.2.1 a.example.org\n192.0.2.2 b.example.org\n192.0.2.3 c.example.org\n")
		r.put("/etc/keeptrack/unicast.toml", r.packaged()+r.toml("docs/cluster.md", "Between clouds and sites: unicast", 0))
		r.put(packagedConfig, r.text("/etc/keeptrack/unicast.toml"))
	}, says: `"self": true,\n *"addresses": \[\n *"192\.0\.2\.1:9696"`},
	{place: place{"docs/cluster.md#On one network: multicast", "systemctl "}, before: (*reader).inGroup, says: `"last_seen": "`, soon: true},
	{place: place{"docs/cluster.md", "keeptrack livesync watch "}, with: []string{
		"keeptrack livesync watch", "timeout --preserve-status --signal INT 1 keeptrack livesync watch", packagedConfig + " --listen", "/etc/keeptrack/unicast.toml --listen",
		"A:6970", "127.0.0.1:6970", "B:6970", "127.0.0.2:6969",
	}},
	{place: place{"docs/cluster.md#How counts stay exact", "curl "}, with: []string{"MEMBER", member}},
	{place: place{"docs/operate.md#KeeptrackMemberAway", "curl "}, before: (*reader).inGroup, with: []string{"LABEL", member}},

	{place: place{"docs/operate.md#What is in the database", "keeptrack db "}, before: func(r *reader) {
		r.run("systemctl", "stop", "keeptrack")
		r.run("sh", "-c", "cp /var/backups/keeptrack.db /var/backups/keeptrack.3.db; cp /var/backups/keeptrack.db /root/release; mkdir -p /root/release/new /root/release/old; ln -s /usr/bin/keeptrack /root/release/new; ln -s /usr/bin/keeptrack /root/release/old")
	}},
	{place: place{"docs/operate.md#Restore drill", "keeptrack (db|backup|restore) "}, says: "keeptrack\\.3\\.db"},
	{place: place{"docs/operate.md", "keeptrack restore "}, with: []string{"FILE", "FILE /var/backups/keeptrack.3.db"}},
	{place: place{"docs/operate.md#Upgrade and downgrade", "keeptrack db |new/keeptrack "}},
	{place: place{"docs/operate.md", "keeptrack db [a-z ]+ FILE"}, with: []string{"FILE", database}},

	{place: place{"docs/migrate.md", "grep "}, before: func(r *reader) { r.put("/root/release/old.list", "# mine\n"+infoHash+"\n") }, with: []string{"OLD", "old.list", "NEW", "new.list; cat new.list"}, says: "^" + infoHash},
	{place: place{"docs/migrate.md#From torrust", "sqlite3 "}, before: func(r *reader) {
		r.run("sqlite3", "/root/release/tracker.db", "CREATE TABLE torrents (id INTEGER PRIMARY KEY, info_hash TEXT, completed INTEGER); INSERT INTO torrents VALUES (1, '"+infoHash+"', 7)")
	}},
	{place: place{"docs/migrate.md#Import and compare counts", "keeptrack db import "}},
	{place: place{"docs/migrate.md#From opentracker", "keeptrack db import "}, before: func(r *reader) {
		r.second("")
		r.run("keeptrack", "announce", "--port", "6881", "udp://127.0.0.2:6969/announce", infoHash)
	}, says: "lines 1"},
	{place: place{"docs/migrate.md", "keeptrack compare "}, before: func(r *reader) { r.serve(local); r.announce() }},

	{place: place{"docs/install.md#Debian and Ubuntu", "apt remove "}, before: func(r *reader) { r.run("systemctl", "stop", "second") }},
	{place: place{"docs/install.md#Debian and Ubuntu", "apt purge "}},
	{place: place{"docs/install.md#From source", "CGO_ENABLED=0 go build "}},
	{place: place{"docs/install.md#Restarts without a lost request", "install "}},
}

// inGroup has two instances run as docs/cluster.md says, the second with what it takes on
// the same host, and in a hurry.
func (r *reader) inGroup() {
	r.t.Helper()
	recipe := r.toml("docs/cluster.md", "On one network: multicast", 0)
	r.put(packagedConfig, r.packaged()+recipe)
	r.run("systemctl", "restart", "keeptrack")
	r.second(recipe + "loopback = true\nbeacon_interval = \"1s\"\n")
}

// member is the name of a member of the cluster.
const member = `$(until curl -s http://127.0.0.1:6970/api/v1/cluster | jq -er '.counting.members[0].label | select(. != "")'; do sleep 0.1; done)`

// second has another instance run, at 127.0.0.2.
func (r *reader) second(more string) {
	r.t.Helper()
	r.put("/etc/keeptrack/second.toml", "tracker.allow_private_addresses = true\nudp.listen = [\"127.0.0.2:6969\"]\nhttp.listen = []\nadmin.listen = \"127.0.0.2:6969\"\nstore.path = \"/var/lib/second/keeptrack.db\"\n"+more)
	r.try("systemctl", "stop", "second")
	r.try("systemctl", "reset-failed", "second")
	r.run("rm", "-rf", "/var/lib/second")
	r.run("systemd-run", "--unit=second", "--property=Type=notify", "--property=User=keeptrack", "--property=StateDirectory=second", "keeptrack", "serve", "--config", "/etc/keeptrack/second.toml")
}

// reader types what documents say.
type reader struct {
	*debian
	left map[command]bool // what is still to be typed
}

// testDocuments has a reader follow the documents, in the order of session.
func (d *debian) testDocuments(t *testing.T) {
	d.t = t
	r := &reader{debian: d, left: map[command]bool{}}
	for _, document := range documentNames(t) {
		commands, _ := commandsOf(t, document)
		for _, c := range commands {
			if where(c) == inSession {
				r.left[c] = true
			}
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := r.try("journalctl", "--no-pager", "--lines=100")
			t.Logf("the journal:\n%s", out)
		}
	})
	r.prepare()
	for _, s := range session {
		r.follow(s)
	}
	for c := range r.left {
		t.Errorf("not run: %s", c)
	}
	r.run("keeptrack", "health", "--ready")
}

// follow runs the commands of a stage in the documents' order.
func (r *reader) follow(s stage) {
	r.t.Helper()
	var found []command
	for c := range r.left {
		if s.has(c) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		r.t.Errorf("%s has no command %q", s.in, s.only)
		return
	}
	slices.SortFunc(found, func(a, b command) int {
		return cmp.Or(cmp.Compare(a.document, b.document), cmp.Compare(a.line, b.line), cmp.Compare(a.text, b.text))
	})
	if s.before != nil {
		s.before(r)
	}
	var said strings.Builder
	for _, c := range found {
		delete(r.left, c)
		out, err := r.typed(standIn(strings.NewReplacer(s.with...).Replace(c.text)))
		said.WriteString(out + "\n")
		var status int
		if exit, ok := err.(*exec.ExitError); ok {
			status = exit.ExitCode()
		}
		if status != s.status {
			r.t.Errorf("status %d instead of %d: %v\n%s\nof %s", status, s.status, err, out, c)
		}
	}
	matched := regexp.MustCompile(s.says).MatchString
	if s.soon {
		lines := linesOf(found[len(found)-1])
		waitFor(r.t, s.says, func() bool {
			out, _ := r.typed(standIn(lines[len(lines)-1]))
			return matched(out)
		})
	} else if !matched(said.String()) {
		r.t.Errorf("%s, %q: no %q in\n%s", s.in, s.only, s.says, tail(said.String()))
	}
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 2000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// standIn replaces words in capitals.
func standIn(text string) string {
	return regexp.MustCompile(`\b[A-Z]{2,}\b`).ReplaceAllStringFunc(text, func(word string) string {
		return cmp.Or(standIns[word], word)
	})
}

// typed runs lines in a shell of the system, in the folder with a release and the sources.
func (r *reader) typed(lines string) (string, error) {
	if strings.HasPrefix(lines, "systemctl edit ") { // wants a terminal
		lines = "script --quiet --return --command '" + lines + "' /dev/null"
	}
	cmd := r.enter("timeout", "60", "bash", "-eo", "pipefail", "-c", "cd /root/release\n"+lines)
	cmd.Env = append(cmd.Env, "HOME=/root", "RENEWED_LINEAGE=/root/lineage", "SYSTEMD_EDITOR=/usr/local/bin/editor", "SYSTEMD_PAGER=cat", "KEEPTRACK_ADMIN_TOKEN="+token,
		"GOCACHE=/root/gocache", "GOMODCACHE=/root/gomodcache", "GOFLAGS=-trimpath", "GOTOOLCHAIN=local", "GOPROXY=off")
	if strings.HasPrefix(lines, "apt ") { // asks
		cmd.Stdin = strings.NewReader("y\n")
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// put writes a file of the system. One that is there keeps its owner and mode.
func (r *reader) put(path, text string) {
	r.t.Helper()
	path = filepath.Join(r.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// text returns a file of the project, or of the system if name begins with a slash.
func (r *reader) text(name string) string {
	r.t.Helper()
	path := filepath.Join(root, name)
	if strings.HasPrefix(name, "/") {
		path = filepath.Join(r.root, name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// part returns a section of a document.
func (r *reader) part(document, section string) string {
	r.t.Helper()
	_, rest, found := strings.Cut(r.text(document), "\n## "+section+"\n")
	if !found {
		r.t.Fatalf("%s has no section %q", document, section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// toml returns the config number i of a section.
func (r *reader) toml(document, section string, i int) string {
	r.t.Helper()
	all := regexp.MustCompile("(?ms)^ *```toml\n(.*?)^ *```").FindAllStringSubmatch(r.part(document, section), -1)
	if len(all) <= i {
		r.t.Fatalf("%s, %q has %d configs", document, section, len(all))
	}
	return all[i][1]
}

// overrides returns the settings of a unit that a section names.
func (r *reader) overrides(document, section string) string {
	r.t.Helper()
	text := "[Service]\n"
	for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]+=[^`]+)`").FindAllStringSubmatch(r.part(document, section), -1) {
		text += m[1] + "\n"
	}
	return text
}

// prepare makes what is around the reader: the files of a release, an editor, an
// interface, and names.
func (r *reader) prepare() {
	r.t.Helper()
	for _, name := range fileNames(r.t, dist(r.t)) {
		data, err := os.ReadFile(filepath.Join(dist(r.t), name))
		if err != nil {
			r.t.Fatal(err)
		}
		r.put("/root/release/"+name, string(data))
	}
	if _, err := output(exec.Command("cp", "-a", filepath.Dir(dist(r.t))+"/.", filepath.Join(r.root, "root", "release"))); err != nil {
		r.t.Fatal(err)
	}
	r.put("/usr/local/bin/editor", "#!/bin/sh\ncase $1 in *.toml) printf '"+strings.ReplaceAll(local, "\n", `\n`)+"' >> \"$1\" ;; *) cat /root/override > \"$1\" ;; esac\n")
	r.put("/root/.curlrc", "fail-with-body\n")
	// No container may change settings of the host: a file takes the place of the one that
	// keeptrack is about.
	r.run("find", "/usr/lib/sysctl.d", "/etc/sysctl.d", "-name", "*.conf", "!", "-name", "*keeptrack*", "-delete")
	r.put("/root/rmem_max", "212992\n")
	r.run("mount", "--bind", "/root/rmem_max", "/proc/sys/net/core/rmem_max")
	r.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
	r.run("ip", "link", "set", "eth1", "up")
	r.run("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0")
	r.run("ip", "link", "set", "eth0", "up")
	r.run("nft", "-f", "/etc/nftables.conf")
}

// packaged returns the config as it comes, but that it leaves 127.0.0.2 to another
// instance.
func (r *reader) packaged() string {
	r.t.Helper()
	const listen = "listen = [\"127.0.0.1:6969\"]\n"
	return strings.Replace(r.text("packaging/keeptrack.toml"), "[http]\n", "[udp]\n"+listen+"[http]\n"+listen, 1)
}

// serve has the service run with the packaged config and more.
func (r *reader) serve(more string) {
	r.t.Helper()
	r.put(packagedConfig, r.packaged()+more)
	r.run("systemctl", "restart", "keeptrack")
}

// announce has a torrent with a peer, refused or not before.
func (r *reader) announce() {
	r.t.Helper()
	r.run("env", "KEEPTRACK_ADMIN_TOKEN="+token, "keeptrack", "access", "forget", infoHash)
	r.run("keeptrack", "announce", "--port", "6881", "--left", "0", "udp://127.0.0.1:6969/announce", infoHash)
}

// getCertificate makes what certbot's deploy hook finds.
func (r *reader) getCertificate() {
	r.t.Helper()
	r.run("mkdir", "-p", "/root/lineage")
	r.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=tracker.example.org",
		"-keyout", "/root/lineage/privkey.pem", "-out", "/root/lineage/fullchain.pem")
}
