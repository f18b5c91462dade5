package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/privilege"
	"keeptrack/store"
)

// tokenVariable is where the admin token may be instead of on the command line,
// which everyone on the host can read.
const tokenVariable = "KEEPTRACK_ADMIN_TOKEN"

func newBackupCommand() *cobra.Command {
	var b backup
	cmd := &cobra.Command{
		Use:   "backup OUT",
		Short: "Copy the database, while the daemon runs or not",
		Long: `Copy the database to the file OUT, all of it as of one moment, and verify the copy.

If a daemon has the database open, the copy comes through its admin address,
otherwise straight from the file, which without --config is keeptrack.db in the
working directory. With --admin it comes from the daemon there, on
whatever host. Config, flag or the variable ` + tokenVariable + ` give the token.

The copy is written to a file beside OUT, flushed and verified before it takes the
place of OUT; on a failure a present OUT stays as it is. It can be started beside the
original: it does not go on with what that counts, unlike a copy made in another way.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return b.run(cmd, args[0])
		},
	}
	f := cmd.Flags()
	filledVar(f, &b.config, "config", "the daemon's config `FILE`")
	filledVar(f, &b.admin, "admin", "the `URL` of a daemon's admin address, or unix:PATH")
	f.StringVar(&b.token, "token", "", "the `TOKEN` that the admin address asks for")
	return cmd
}

// giveWay lowers the process's priority. Tests that run commands in their own
// process keep theirs.
var giveWay = lowerPriority

// backup is the command with its flags.
type backup struct {
	config, admin, token string

	secrets error // kept the config's secrets from being read
}

func (b *backup) run(cmd *cobra.Command, out string) error {
	c, err := loadConfig(b.config)
	if err != nil {
		return err
	}
	if !isAdminAddress(b.admin) {
		return usageError{fmt.Errorf("--admin %s is no http:// or https:// URL and no unix:PATH", b.admin)}
	}
	if same(out, c.Store.Path) {
		return usageError{fmt.Errorf("%s is the database itself", out)}
	}
	// Root may not be able to read the file with the token later. What is wrong
	// with it counts if the copy takes a token and no other is given.
	b.secrets = c.ReadSecrets(b.config)
	b.token = cmp.Or(b.token, os.Getenv(tokenVariable))
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	giveWay()
	shown := newProgress(cmd.ErrOrStderr(), "copying the database", 0)
	defer shown.end()
	var source string
	var size int64
	save := func(out, database string, owner *privilege.Owner) (err error) {
		size, err = store.Save(out, func(w io.Writer) (err error) {
			source, err = b.copy(ctx, c, database, owner, io.MultiWriter(interruptible{ctx, w}, shown))
			return err
		})
		return err
	}
	if err := savedBy(out, c.Store.Path, save); err != nil {
		return fmt.Errorf("backup to %s: %w", out, err)
	}
	shown.end()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: copy of %s, %d bytes, verified\n", out, source, size)
	return err
}

// isAdminAddress reports whether a text, unless it is empty, says where a daemon
// is.
func isAdminAddress(s string) bool {
	if path, isUnix := strings.CutPrefix(s, "unix:"); s == "" || isUnix {
		return s == "" || path != ""
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// same reports whether two paths lead to one file.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// savedBy has save write to the file at out. Root becomes the owner of the
// database's folder for that if out is in one of his too; elsewhere it goes on as
// root, but for the database, for which save is given the owner.
func savedBy(out, database string, save func(out, database string, owner *privilege.Owner) error) error {
	owner, err := otherOwner(database)
	if err != nil {
		return err
	}
	if of, err := otherOwner(out); owner != nil && err == nil && of != nil && of.UID == owner.UID {
		database = absolute(database)
		return onDatabase(out, func(out string) error { return save(out, database, nil) })
	}
	return save(out, database, owner)
}

// copy writes the copy to w, from where it is to be had, and returns the name
// of that. With an owner, the file is read with what he may do.
func (b *backup) copy(ctx context.Context, c *config.Config, database string, owner *privilege.Owner, w io.Writer) (source string, err error) {
	daemon := b.admin
	if daemon == "" {
		read := func() error { return store.BackupFile(database, w) }
		if owner == nil {
			err = read()
		} else {
			err = asOwner(owner, owner.Do(read))
		}
		if !errors.Is(err, store.ErrInUse) {
			return absolute(database), err
		}
		if daemon = daemonOf(c); daemon == "" {
			return "", fmt.Errorf("%w, whose admin address is not known: give --config or --admin", err)
		}
	}
	if b.token == "" && b.secrets != nil {
		return "", usageError{b.secrets}
	}
	token := cmp.Or(b.token, c.Admin.Token)
	return "the database of the daemon at " + daemon, admin.FetchBackup(ctx, daemon, token, w)
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

// absolute returns a path as it is from everywhere, if that can be told.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
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

// interruptible is a writer that fails once its context is done.
type interruptible struct {
	ctx context.Context
	w   io.Writer
}

func (i interruptible) Write(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, errors.New("interrupted")
	}
	return i.w.Write(b)
}
