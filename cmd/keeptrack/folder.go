package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/privilege"
)

// folderWarnings returns a line for each folder that a daemon would make files in, of
// the database or a unix socket, and that is missing or that it could not write to, and
// one if what is at the database's path is not a file. It looks as process.user if root
// runs this and the config names one, otherwise as who runs this.
func folderWarnings(c *config.Config) (warnings []string) {
	check := func(key, path string) {
		dir := filepath.Dir(path)
		if err := writable(dir, c.Process.User); err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: the folder %s %v", key, dir, err))
		}
	}
	check("store.path", c.Store.Path)
	if info, err := os.Stat(c.Store.Path); err == nil && !info.Mode().IsRegular() {
		warnings = append(warnings, fmt.Sprintf("store.path: %s is not a regular file", c.Store.Path))
	}
	if path := c.Admin.Listen.Unix; path != "" {
		check("admin.listen", path)
	}
	for key, endpoints := range map[string][]config.Endpoint{"http.listen": c.HTTP.Listen, "https.listen": c.HTTPS.Listen} {
		for _, e := range endpoints {
			if e.Unix != "" {
				check(key, e.Unix)
			}
		}
	}
	return warnings
}

var errNoFolder = errors.New("is not a folder")

// writable returns an error unless files can be made in the folder dir by the user
// that root would become; an empty name, or not being root, stands for this
// process.
func writable(dir, user string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("is missing")
	case err != nil:
		return fmt.Errorf("cannot be examined: %w", err)
	case !info.IsDir():
		return errNoFolder
	}
	// What a read-only file system refuses, it refuses to root as well.
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("cannot be written to: %w", err)
	}
	if user == "" || os.Geteuid() != 0 {
		return nil
	}
	may, err := privilege.MayWrite(user, info)
	if err == nil && !may {
		err = errors.New("its permissions forbid it")
	}
	if err != nil {
		return fmt.Errorf("cannot be written to by process.user %q: %w", user, err)
	}
	return nil
}
