package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/privilege"
	"keeptrack/store/safefile"
)

// account is whom the process becomes once it has bound what it listens on.
type account struct {
	name  string           // empty: nobody, the process stays who it is
	owner *privilege.Owner // nil: the user that process.user names
}

// findAccount returns whom to become: the user that the config names, or else, for
// root, the owner of the database's folder, who could have files take each
// other's place while root works on them.
func (d *Daemon) findAccount() (account, error) {
	if name := d.config.Process.User; name != "" || os.Geteuid() != 0 {
		return account{name: name}, nil
	}
	owner, err := safefile.FolderOwner(d.config.Store.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && owner.UID == 0 {
		return account{}, nil // of a folder that is missing the store says so
	}
	if err != nil {
		return account{}, fmt.Errorf("store.path: %w", err)
	}
	o := &privilege.Owner{UID: int(owner.UID), GID: int(owner.GID)}
	return account{o.String(), o}, nil
}

// dropPrivileges has the process become somebody else, if it is to. Addresses are
// bound by then; files are opened and made by that user.
func (d *Daemon) dropPrivileges() (err error) {
	a := d.account
	if a.name == "" {
		return nil
	}
	// The user may not be let into the working directory.
	if d.database, err = filepath.Abs(d.database); err != nil {
		return err
	}
	var confined bool
	if a.owner == nil {
		if confined, err = privilege.Drop(a.name); err != nil {
			return fmt.Errorf("process.user: %w", err)
		}
	} else if confined, err = a.owner.Become(); err != nil {
		return fmt.Errorf("becoming %s, who owns the folder of %s: %w", a.name, d.database, err)
	}
	if a.owner != nil {
		d.log.Info().Str("user", a.name).Str("database", d.database).Msg("started as root, goes on as the owner of the database's folder")
	}
	if !confined {
		d.log.Warn().Str("user", a.name).Msg("a program that this one executes could gain privileges: build with CGO_ENABLED=0")
	}
	d.warnOfReload()
	return nil
}

// warnOfReload warns of files that a reload will have to read and the process
// cannot read any more.
func (d *Daemon) warnOfReload() {
	c := d.config
	for _, path := range append(c.SecretFiles(), d.opts.ConfigPath, c.Access.File, c.LiveSync.KeyFile, c.HTTPS.Certificate, c.HTTPS.Key) {
		if path == "" {
			continue
		}
		if f, _, err := config.OpenFile(path); err == nil {
			_ = f.Close() // was only to be opened
		} else {
			d.log.Warn().Err(err).Str("user", d.account.name).Msg("a reload will be refused")
		}
	}
}

// asReader adds to an error about permissions to read who lacks them.
func (d *Daemon) asReader(err error) error {
	if d.account.name == "" || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (as %s)", err, d.account.name)
}

// asUser adds to an error about permissions whose they are.
func (d *Daemon) asUser(err error) error {
	a := d.account
	switch {
	case a.name == "" || !errors.Is(err, fs.ErrPermission):
		return err
	case a.owner != nil:
		return fmt.Errorf("%w (as %s, who owns the folder)", err, a.name)
	}
	return fmt.Errorf("%w (as process.user %q, who must own the file and its directory)", err, a.name)
}
