package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/torrent"
	"keeptrack/tracker"
)

func newAccessCommand() *cobra.Command {
	return newGroup("access", "Print the access list, refuse or serve single torrents",
		newAccessListCommand(),
		newAccessChangeCommand(accessChange{
			name: "refuse", method: http.MethodPut, path: "/override", decision: "refuse",
			short: "Refuse torrents from now on, whatever the list and the mode say",
			long:  "Refuse torrents, whatever the file of the access list says, in mode deny as in\nmode allow.",
		}),
		newAccessChangeCommand(accessChange{
			name: "serve", method: http.MethodPut, path: "/override", decision: "serve",
			short: "Serve torrents from now on, whatever the list and the mode say",
			long:  "Serve torrents, whatever the file of the access list says, in mode deny as in\nmode allow.",
		}),
		newAccessChangeCommand(accessChange{
			name: "add", method: http.MethodPut, byMode: true,
			short: "Add info hashes to the access list, from now on",
			long: `Add info hashes to the access list, whatever its file says: in mode deny they are
refused from now on, in mode allow they are served.`,
		}),
		newAccessChangeCommand(accessChange{
			name: "remove", method: http.MethodDelete, byMode: true,
			short: "Remove info hashes from the access list, from now on",
			long: `Remove info hashes from the access list, whatever its file says: in mode deny they are
served from now on, in mode allow they are refused.`,
		}),
		newAccessChangeCommand(accessChange{
			name: "forget", method: http.MethodDelete, path: "/override", inOpen: true,
			short: "Drop overrides, so that only the list's file decides",
			long: `Drop the overrides that refuse, serve, add and remove made for info hashes, so that only
the file of the access list decides about them.`,
		}),
	)
}

func newAccessListCommand() *cobra.Command {
	var to instances
	cmd := &cobra.Command{
		Use:   "list [HASH]...",
		Short: "Print the access list's mode and overrides, or what it says of torrents",
		Long: `Print the mode of the access list, its file, and every override: who made it and when.
With hashes it prints what the list says of each: whether it is refused, and whether the
file or an override decides.
` + hashHelp + `.` + adminHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			clients, hashes, err := to.clientsAndHashes(args)
			if err != nil {
				return err
			}
			answers := askAtOnce(cmd.Context(), clients, func(ctx context.Context, c *admin.Client) (accessState, error) {
				return askAccess(ctx, &to, c, hashes)
			})
			if err := printAccess(cmd.OutOrStdout(), answers, to.json); err != nil {
				return err
			}
			return told(cmd, answers)
		},
	}
	to.add(cmd)
	return cmd
}

// clientsAndHashes returns the daemons to ask and the info hashes among a command's
// arguments.
func (i *instances) clientsAndHashes(args []string) ([]*admin.Client, []tracker.InfoHash, error) {
	hashes, err := parseHashes(args)
	if err != nil {
		return nil, nil, err
	}
	clients, err := i.clients()
	return clients, hashes, err
}

// hashHelp says what a command takes for a HASH.
const hashHelp = "A hash is 40 hexadecimal digits, a magnet link or the path of a .torrent file"

// parseHashes returns the info hashes of a command's arguments, each once. A hybrid torrent
// has two.
func parseHashes(args []string) ([]tracker.InfoHash, error) {
	var hashes []tracker.InfoHash
	for _, name := range args {
		some, err := torrent.Hashes(name)
		if err != nil {
			return nil, usageError{err}
		}
		for _, h := range some {
			if !slices.Contains(hashes, h) {
				hashes = append(hashes, h)
			}
		}
	}
	return hashes, nil
}

// accessChange is a subcommand that changes the list.
type accessChange struct {
	name, short, long string
	method, path      string // the path is behind that of the hash
	decision          string // is a parameter, unless empty
	byMode            bool   // what it does to a torrent depends on the list's mode
	inOpen            bool   // it can be done in mode open
}

func newAccessChangeCommand(c accessChange) *cobra.Command {
	var to instances
	cmd := &cobra.Command{
		Use:   c.name + " HASH...",
		Short: c.short,
		Long: c.long + `

The change is in force and on disk when the command ends, and survives restarts. Instances
with the same live sync key tell each other; name the others, each with --admin. ` + c.modes() + `
` + hashHelp + `.` + adminHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, &to, args)
		},
	}
	to.add(cmd)
	return cmd
}

// modes says what has to hold of the daemons' modes.
func (c *accessChange) modes() string {
	text := "The\ncommand changes nothing unless all of them answer"
	switch {
	case c.byMode:
		text += " and have the same mode, allow or deny"
	case !c.inOpen:
		text += " and have mode allow or deny"
	}
	return text + "."
}

func (c *accessChange) run(cmd *cobra.Command, to *instances, args []string) error {
	clients, hashes, err := to.clientsAndHashes(args)
	if err != nil {
		return err
	}
	modes := askAll(cmd.Context(), to, clients, func(ctx context.Context, c *admin.Client) (string, error) {
		var p accessPage
		err := c.Do(ctx, http.MethodGet, "access", url.Values{"limit": {"1"}}, &p)
		return p.Mode, err
	})
	if err := told(cmd, modes); err != nil {
		return err
	}
	if err := c.checkModes(modes); err != nil {
		return err
	}
	answers := askAtOnce(cmd.Context(), clients, func(ctx context.Context, client *admin.Client) (accessState, error) {
		return c.ask(ctx, to, client, hashes)
	})
	if err := printAccess(cmd.OutOrStdout(), answers, to.json); err != nil {
		return err
	}
	return told(cmd, answers)
}

// ask asks a daemon for the change, and returns what its list says then: after an error, of
// the hashes before, whose changes are in force.
func (c *accessChange) ask(ctx context.Context, to *instances, client *admin.Client, hashes []tracker.InfoHash) (s accessState, err error) {
	var query url.Values
	if c.decision != "" {
		query = url.Values{"decision": {c.decision}}
	}
	for _, h := range hashes {
		if err := s.add(ctx, to, client, c.method, h, c.path, query); err != nil {
			return s, err
		}
	}
	return s, nil
}

// checkModes returns why nothing is to be changed: in unlike modes the same request
// could refuse a torrent here and serve it there.
func (c *accessChange) checkModes(modes []answerOf[string]) error {
	unlike, open := false, ""
	each := make([]string, len(modes))
	for i, m := range modes {
		each[i] = fmt.Sprintf("%s at %s", m.reply, m.client.Base())
		unlike = unlike || m.reply != modes[0].reply
		if m.reply == tracker.AccessOpen.String() {
			open = m.client.Base()
		}
	}
	switch {
	case unlike && c.byMode:
		return fmt.Errorf("nothing is changed: access.mode is %s, so %s would mean different things; refuse and serve mean the same in both modes",
			strings.Join(each, ", "), c.name)
	case open != "" && !c.inOpen:
		return fmt.Errorf(`nothing is changed: access.mode is "open" at %s, in which every torrent is served: set it to "deny", which needs no file, or "allow", and reload`, open)
	}
	return nil
}
