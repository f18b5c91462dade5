package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/client"
	"keeptrack/cmd/internal/printable"
)

// defaultPorts are those that check tries of a name, if it does not have another: what
// keeptrack's config has by default, and that of HTTPS.
var defaultPorts = [...]struct {
	scheme string
	port   uint16
}{{"udp", 6969}, {"http", 6969}, {"https", 443}}

// check is the command with its flags.
type check struct {
	timeout time.Duration
	json    bool
	ports   [len(defaultPorts)]uint16
	ca      string

	client   *client.Client
	resolver resolver
}

func newCheckTrackerCommand() *cobra.Command {
	c := check{resolver: net.DefaultResolver}
	cmd := &cobra.Command{
		Use:   "check NAME",
		Short: "Try a tracker as public lists of trackers do",
		Long: `Try a tracker over UDP, HTTP and HTTPS, at each of its name's IPv4 and IPv6 addresses,
and print why lists of trackers would refuse it: no answer, an interval that is
not between 5 minutes and 3 hours, an address that is not public, a certificate that
is not trusted or expires within two weeks, or a DNS entry that denies it (BEP 34).

NAME is a host name or an address, or an announce URL, in which case only that URL is
tried. A transport that does not answer at any address counts only if no other answers,
if a URL or a flag asked for it, or if its certificate is not trusted. The command
announces two peers of a torrent that does not exist, and then stops them. The exit
status is 1 if there is something against the tracker.

Addresses that this host cannot reach, such as IPv6 addresses from a host without IPv6,
do not count, unless it reaches none. Run the command on another host than the tracker's,
or a closed firewall may look open.`,
		Example: "  keeptrack check tracker.example.org\n  keeptrack check udp://tracker.example.org:1337/announce",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args[0])
		},
	}
	f := cmd.Flags()
	for i, d := range defaultPorts {
		f.Uint16Var(&c.ports[i], d.scheme, d.port, "the `PORT` for "+strings.ToUpper(d.scheme)+"; 0: do not try it")
	}
	f.DurationVar(&c.timeout, "timeout", clientTimeout, "the `TIME` to wait for an answer")
	filledVar(f, &c.ca, "ca", caUsage)
	f.BoolVar(&c.json, "json", false, "print a JSON object a line")
	return cmd
}

func (c *check) run(cmd *cobra.Command, name string) error {
	urls, err := c.urls(cmd, name)
	if err != nil {
		return usageError{err}
	}
	if c.client, err = newClient(c.ca); err != nil {
		return err
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	host := urls[0].url.Hostname()
	addresses, err := c.lookUp(ctx, host)
	if err != nil {
		return err
	}
	probes := c.probe(ctx, urls, addresses)
	against := slices.Concat(c.dns(ctx, host, urls), judge(probes))
	if c.json {
		err = printProbesJSON(cmd.OutOrStdout(), probes, against)
	} else {
		err = printProbes(cmd.OutOrStdout(), probes, against)
	}
	if err == nil && len(against) > 0 {
		err = toldError{errors.New(against[0])}
	}
	return err
}

// target is an announce URL to try. One that was asked for has to work.
type target struct {
	url   *url.URL
	asked bool
}

// urls returns what is to be tried for an argument.
func (c *check) urls(cmd *cobra.Command, name string) ([]target, error) {
	if strings.Contains(name, "://") {
		if err := client.CheckURL(name); err != nil {
			return nil, err
		}
		u, err := url.Parse(name)
		return []target{{u, true}}, err
	}
	host := strings.Trim(name, "[]")
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":/") {
		return nil, fmt.Errorf("%s is neither a name nor an address nor a URL: ports are given with --udp, --http and --https", name)
	}
	var targets []target
	for i, d := range defaultPorts {
		if c.ports[i] == 0 {
			continue
		}
		u := &url.URL{Scheme: d.scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(c.ports[i]))), Path: "/announce"}
		targets = append(targets, target{u, cmd.Flags().Changed(d.scheme)})
	}
	if targets == nil {
		return nil, errors.New("nothing is left to try")
	}
	return targets, nil
}

// judge returns what would be held against the tracker.
func judge(probes []probe) []string {
	var against []string
	anyWorks := slices.ContainsFunc(probes, func(p probe) bool { return p.Works })
	for i := range probes {
		p := &probes[i]
		alike := slices.ContainsFunc(probes, func(o probe) bool { return o.scheme == p.scheme && o.Works })
		switch {
		case p.Works:
		case p.unreachable:
			continue
		case p.asked || p.untrusted || alike || !anyWorks:
			against = append(against, fmt.Sprintf("%s: %s", p.where(), p.Error))
		}
		for _, fault := range p.Against {
			against = append(against, fmt.Sprintf("%s: %s", p.where(), fault))
		}
	}
	if !anyWorks && len(against) == 0 {
		against = append(against, "nothing could be tried: this host reaches none of the tracker's addresses")
	}
	return against
}

// printProbes prints a table of what was tried, and what is against the tracker.
func printProbes(w io.Writer, probes []probe, against []string) error {
	t := table{{"URL", "ADDRESS", "RESULT", "TIME", "INTERVAL"}}
	for i := range probes {
		p := &probes[i]
		if !p.Works {
			t.add(p.URL, p.Address.String(), p.Error, "", "")
			continue
		}
		t.add(p.URL, p.Address.String(), "works", fmt.Sprintf("%d ms", p.Milliseconds), (time.Duration(p.Interval) * time.Second).String())
	}
	if err := t.print(w); err != nil {
		return err
	}
	text := "\nNothing is against it.\n"
	if len(against) > 0 {
		text = "\nAgainst it:\n"
		for _, a := range against {
			text += "  " + printable.Text(a) + "\n"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// printProbesJSON prints an object for each, and one with what is against the tracker.
func printProbesJSON(w io.Writer, probes []probe, against []string) error {
	for i := range probes {
		if err := printable.JSON(w, &probes[i]); err != nil {
			return err
		}
	}
	if against == nil {
		against = []string{}
	}
	return printable.JSON(w, struct {
		Against []string `json:"against"`
	}{against})
}
