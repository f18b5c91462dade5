package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/config"
)

// tokenVariable is where the admin token may be instead of on the command line,
// which everyone on the host can read.
var tokenVariable = config.Variable("admin.token")

// adminTimeout is how long commands wait for an admin address unless told otherwise.
const adminTimeout = 10 * time.Second

// adminHelp says at the end of a command's help which daemons it asks.
var adminHelp = `

Without --admin the command asks the daemon on this host, at the admin address of --config
or else at the default one. Repeat --admin for all instances of a cluster. The token comes
from the config, --token or ` + tokenVariable + `, and is the same for all.`

// instances are the flags of commands that ask daemons through their admin addresses.
type instances struct {
	config, token string
	admins        filledList
	timeout       time.Duration
	json          bool
}

// add defines the flags of a command that asks each daemon once.
func (i *instances) add(cmd *cobra.Command) {
	i.addWhom(cmd)
	cmd.Flags().DurationVar(&i.timeout, "timeout", adminTimeout, "the `TIME` after which to give up")
	cmd.Flags().BoolVar(&i.json, "json", false, "print a JSON object a line, one for each daemon")
}

// addWhom defines the flags that say which daemons to ask.
func (i *instances) addWhom(cmd *cobra.Command) {
	f := cmd.Flags()
	filledVar(f, &i.config, "config", "the daemon's config `FILE`")
	f.Var(&i.admins, "admin", "the `URL` of a daemon's admin address, or unix:PATH; may be repeated")
	f.StringVar(&i.token, "token", "", "the `TOKEN` that the admin addresses ask for")
}

// clients returns a client for each daemon, in the order of the flags.
func (i *instances) clients() ([]*admin.Client, error) {
	c, err := loadConfig(i.config)
	if err != nil {
		return nil, err
	}
	token := cmp.Or(i.token, c.Admin.Token)
	if token == "" {
		if err := c.ReadAdminToken(); err != nil {
			return nil, usageError{err}
		}
		token = c.Admin.Token
	}
	addresses := i.admins
	if len(addresses) == 0 {
		daemon := daemonOf(c)
		if daemon == "" {
			return nil, usageError{fmt.Errorf("%s has no admin address: give --admin", i.config)}
		}
		addresses = filledList{daemon}
	}
	clients := make([]*admin.Client, len(addresses))
	for n, a := range addresses {
		if err := checkAdminAddress(a); err != nil {
			return nil, err
		}
		clients[n] = admin.NewClient(a, token)
	}
	return clients, nil
}

// answerOf is what one daemon has answered.
type answerOf[T any] struct {
	client *admin.Client
	reply  T
	err    error
}

// askAll calls ask for all daemons at the same time, with the timeout of the flags,
// and returns the answers in the order of the clients.
func askAll[T any](ctx context.Context, i *instances, clients []*admin.Client, ask func(context.Context, *admin.Client) (T, error)) []answerOf[T] {
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	return askAtOnce(ctx, clients, ask)
}

// do sends a request as Client.Do does, with the timeout of the flags: for commands that
// send one after the other.
func (i *instances) do(ctx context.Context, c *admin.Client, method, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, i.timeout)
	defer cancel()
	return c.Do(ctx, method, path, query, into)
}

// askAtOnce is askAll without a timeout.
func askAtOnce[T any](ctx context.Context, clients []*admin.Client, ask func(context.Context, *admin.Client) (T, error)) []answerOf[T] {
	answers := make([]answerOf[T], len(clients))
	var asking sync.WaitGroup
	for n, c := range clients {
		asking.Go(func() {
			answers[n].client = c
			answers[n].reply, answers[n].err = ask(ctx, c)
		})
	}
	asking.Wait()
	return answers
}

// told writes the errors among the answers to stderr, a line each, and returns an
// error if there are any.
func told[T any](cmd *cobra.Command, answers []answerOf[T]) error {
	for _, a := range answers {
		if a.err != nil {
			tell(cmd, a.err)
		}
	}
	return failed(answers)
}

// tell writes a daemon's error to stderr, with what to do about it.
func tell(cmd *cobra.Command, err error) { complain(cmd.ErrOrStderr(), err.Error()+hint(err)) }

// failed returns an error if there are any among the answers, all of which were told.
func failed[T any](answers []answerOf[T]) error {
	for _, a := range answers {
		if a.err != nil {
			return toldError{a.err}
		}
	}
	return nil
}

// hint says what to do about an error, if that is known.
func hint(err error) string {
	if refused := (*admin.RefusedError)(nil); errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return fmt.Sprintf(" (from --token, %s or --config)", tokenVariable)
	}
	return ""
}

// checkAdminAddress returns a usageError unless a text says where a daemon is.
func checkAdminAddress(s string) error {
	path, isUnix := strings.CutPrefix(s, "unix:")
	u, err := url.Parse(s)
	if isUnix && path != "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	return usageError{fmt.Errorf("--admin %s is neither an http:// or https:// URL nor unix:PATH", s)}
}

// daemonOf returns where on this host the admin address of a config's daemon is
// reached, or nothing if that is not known.
func daemonOf(c *config.Config) string {
	if c.Admin.Listen.Unix != "" {
		return c.Admin.Listen.String()
	}
	listen := c.Admin.Listen.AddrPort
	if listen.Port() == 0 { // so too when it is turned off
		return ""
	}
	return "http://" + reachable(listen).String()
}

// reachable returns the address at which a daemon that listens on a is reached
// from the same host.
func reachable(a netip.AddrPort) netip.AddrPort {
	switch a.Addr().WithZone("") {
	case netip.IPv4Unspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	case netip.IPv6Unspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
	}
	return a
}

// untilSignal returns a context that SIGINT or SIGTERM ends; a second signal ends the
// process.
func untilSignal(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
