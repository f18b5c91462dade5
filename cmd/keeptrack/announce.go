package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/client"
	"keeptrack/cmd/internal/printable"
	"keeptrack/tracker"
)

// clientTimeout is how long the client commands wait unless told otherwise.
const clientTimeout = 15 * time.Second

// announceFlags are the flags of keeptrack announce.
type announceFlags struct {
	port    uint16
	event   string
	left    uint64
	numWant int32
	peerID  string
	timeout time.Duration
	ca      string
	json    bool
}

func newAnnounceCommand() *cobra.Command {
	var f announceFlags
	cmd := &cobra.Command{
		Use:   "announce URL HASH",
		Short: "Announce a peer to a tracker and print the answer",
		Long: `Announce a peer to any tracker, and print the answer.

The URL begins with udp://, http:// or https://.
` + hashHelp + `.
The peer is this host's address as the tracker sees it, with the port given. The
tracker stores it and hands it out to others until it expires; to remove it, announce it
once more with --event stopped.

If the tracker refuses the torrent, the exit status is 1. Over UDP keeptrack refuses with
zeros and an interval of three hours, which this command recognises.`,
		Example: "  keeptrack announce udp://127.0.0.1:6969 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6 --left 0",
		RunE: func(cmd *cobra.Command, args []string) error {
			return announce(cmd, args[0], args[1], &f)
		},
	}
	flags := cmd.Flags()
	flags.Uint16Var(&f.port, "port", 6881, "the `PORT` that the peer listens on")
	flags.StringVar(&f.event, "event", client.EventName(tracker.EventStarted), "the `EVENT`: "+client.EventNames())
	flags.Uint64Var(&f.left, "left", 1, "the number of `BYTES` still missing; 0 announces a seeder")
	flags.Int32Var(&f.numWant, "numwant", -1, "the `NUMBER` of peers wanted; -1 leaves it to the tracker")
	flags.StringVar(&f.peerID, "peer-id", "", "the peer `ID`, 20 bytes (default -KT0001- and 12 random letters)")
	flags.DurationVar(&f.timeout, "timeout", clientTimeout, "the `TIME` after which to give up")
	filledVar(flags, &f.ca, "ca", caUsage)
	flags.BoolVar(&f.json, "json", false, "print a JSON object")
	completeFlag(cmd, "event", client.EventList()...)
	return cmd
}

func announce(cmd *cobra.Command, url, hash string, f *announceFlags) error {
	req, err := f.request(hash)
	if err != nil {
		return usageError{err}
	}
	if err := client.CheckURL(url); err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
	defer cancel()
	c, err := newClient(f.ca)
	if err != nil {
		return err
	}
	r, err := c.Announce(ctx, url, req)
	if err != nil {
		return err
	}
	if f.json {
		err = printReplyJSON(cmd.OutOrStdout(), &r)
	} else {
		err = printReply(cmd.OutOrStdout(), &r)
	}
	if err == nil && r.Refused {
		return fmt.Errorf("the tracker seems to refuse the torrent: no counts, and an interval of %v", r.Interval)
	}
	return err
}

const caUsage = "`FILE` with the certificates (PEM) to trust for https:// trackers"

// newClient returns a client that trusts the certificates in the file at ca, or those that
// the system does if it is empty.
func newClient(ca string) (*client.Client, error) {
	if ca == "" {
		return &client.Client{}, nil
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, usageError{err}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usageError{fmt.Errorf("%s has no certificate in PEM", ca)}
	}
	return &client.Client{Roots: roots}, nil
}

func (f *announceFlags) request(hash string) (client.Request, error) {
	req := client.Request{Port: f.port, Left: f.left, NumWant: f.numWant}
	hashes, err := parseHashes([]string{hash})
	if err != nil {
		return req, err
	}
	req.InfoHash = hashes[0]
	if req.Event, err = client.ParseEvent(f.event); err != nil {
		return req, err
	}
	if f.peerID == "" {
		f.peerID = "-KT0001-" + rand.Text()[:12]
	}
	if copy(req.PeerID[:], f.peerID) != len(req.PeerID) || len(f.peerID) > len(req.PeerID) {
		return req, fmt.Errorf("a peer id has 20 bytes, %q has %d", f.peerID, len(f.peerID))
	}
	return req, nil
}

// printReply prints one fact a line and leaves out what the tracker did not
// say.
func printReply(w io.Writer, r *client.Reply) error {
	text := fmt.Appendf(nil, "interval %s\n", r.Interval)
	if r.MinInterval > 0 {
		text = fmt.Appendf(text, "min interval %s\n", r.MinInterval)
	}
	text = fmt.Appendf(text, "seeders %d\nleechers %d\n", r.Seeders, r.Leechers)
	if r.Downloaded != nil {
		text = fmt.Appendf(text, "downloaded %d\n", *r.Downloaded)
	}
	if r.ExternalIP.IsValid() {
		text = fmt.Appendf(text, "external ip %s\n", r.ExternalIP)
	}
	if r.Warning != "" {
		text = fmt.Appendf(text, "warning %q\n", r.Warning)
	}
	for _, p := range r.Peers {
		text = fmt.Appendf(text, "peer %s\n", printable.Text(p.String()))
	}
	_, err := w.Write(text)
	return err
}

// printReplyJSON prints an object with intervals in seconds.
func printReplyJSON(w io.Writer, r *client.Reply) error {
	peers := make([]string, len(r.Peers))
	for i, p := range r.Peers {
		peers[i] = p.String()
	}
	var external string
	if r.ExternalIP.IsValid() {
		external = r.ExternalIP.String()
	}
	return printable.JSON(w, struct {
		Interval    int64    `json:"interval"`
		MinInterval int64    `json:"min_interval,omitempty"`
		Seeders     uint64   `json:"seeders"`
		Leechers    uint64   `json:"leechers"`
		Downloaded  *uint64  `json:"downloaded,omitempty"`
		ExternalIP  string   `json:"external_ip,omitempty"`
		Warning     string   `json:"warning,omitempty"`
		Refused     bool     `json:"refused,omitempty"`
		Peers       []string `json:"peers"`
	}{
		int64(r.Interval / time.Second), int64(r.MinInterval / time.Second),
		r.Seeders, r.Leechers, r.Downloaded, external, r.Warning, r.Refused, peers,
	})
}
