package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/privilege"
	"keeptrack/store"
)

func newBackupCommand() *cobra.Command {
	var b backup
	cmd := &cobra.Command{
		Use:   "backup OUT",
		Short: "Copy the database, whether or not the daemon runs",
		Long: `Copy the database to the file OUT, as of one moment, and verify the copy.

If a daemon has the database open, or this user may not read it, the copy comes through
the daemon's admin address. Otherwise it comes straight from the file of the config, or
without --config from keeptrack.db in the working directory. With --admin it comes from
that daemon, on any host. The token comes from the config, --token or
` + tokenVariable + `.

The copy is written to a file beside OUT, flushed and verified before it replaces OUT; if
that fails, OUT stays as it was. A copy made by this command can run beside the original:
it gets a new origin for live sync, unlike a copy made in another way.`,
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
	if b.admin != "" {
		if err := checkAdminAddress(b.admin); err != nil {
			return err
		}
	}
	if same(out, c.Store.Path) {
		return usageError{fmt.Errorf("%s is the database itself", out)}
	}
	// Root may not be able to read the file with the token later. What is wrong
	// with it counts if the copy takes a token and no other is given.
	b.secrets = c.ReadAdminToken()
	ctx, stop := untilSignal(cmd)
	defer stop()
	giveWay()
	shown := newProgress(cmd.ErrOrStderr(), "copying the database", b.expected(c.Store.Path))
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

// expected returns about how many bytes the copy will have, 0 if that is not known: those
// of the database, if it is on this host.
func (b *backup) expected(database string) int64 {
	info, err := os.Stat(database)
	if b.admin != "" || err != nil {
		return 0
	}
	return info.Size()
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
		kept := errors.Is(err, fs.ErrPermission) && b.config != "" && daemonOf(c) != ""
		if !kept && !errors.Is(err, store.ErrInUse) {
			return absolute(database), err
		}
		if daemon = daemonOf(c); daemon == "" {
			return "", fmt.Errorf("%w, whose admin address is not known: give --config or --admin", err)
		}
		if kept {
			defer func() { err = unlessCopied(err, database) }()
		}
	}
	token := cmp.Or(b.token, c.Admin.Token)
	if token == "" && b.secrets != nil {
		return "", usageError{b.secrets}
	}
	return "the database of the daemon at " + daemon, admin.NewClient(daemon, token).Backup(ctx, w)
}

// unlessCopied adds to the error of a copy through a daemon why that was asked.
func unlessCopied(err error, database string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s cannot be read (permission denied), and %w", absolute(database), err)
}

// absolute returns a path as it is from everywhere, if that can be told.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
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
