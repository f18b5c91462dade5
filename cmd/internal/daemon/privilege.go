package daemon

import (
	"errors"
	"fmt"
	"io/fs"

	"keeptrack/cmd/internal/privilege"
)

// dropPrivileges has the process become the user that the config names, if any.
// Addresses are bound by then; files are opened and made by that user.
func (d *Daemon) dropPrivileges() error {
	user := d.config.Process.User
	if user == "" {
		return nil
	}
	confined, err := privilege.Drop(user)
	if err != nil {
		return fmt.Errorf("process.user: %w", err)
	}
	if !confined {
		d.log.Warn().Str("user", user).Msg("process.user: a program that this one executes could gain privileges: build with CGO_ENABLED=0")
	}
	for _, path := range []string{d.opts.ConfigPath, d.config.Access.File, d.config.LiveSync.KeyFile} {
		if path == "" {
			continue
		}
		if f, _, err := openFile(path); err == nil {
			_ = f.Close() // was only to be opened
		} else {
			d.log.Warn().Err(err).Str("user", user).Msg("a reload will be refused")
		}
	}
	return nil
}

// asUser adds to an error about permissions whose they are.
func (d *Daemon) asUser(err error) error {
	if user := d.config.Process.User; user != "" && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (as process.user %q, who has to own the file and its directory)", err, user)
	}
	return err
}
