package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

var errNoFile = errors.New("is a directory or a pipe")

// OpenFile opens a file that the config names, to read it. Nobody may ever write
// to a pipe: opening one must not wait for that.
func OpenFile(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&(fs.ModeDir|fs.ModeNamedPipe) != 0 {
		err = fmt.Errorf("%s: %w", path, errNoFile)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// readFile returns what a file that OpenFile opens holds.
func readFile(path string) ([]byte, error) {
	f, _, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written to it
	return io.ReadAll(f)
}

// maxSecret is the number of bytes from which on a secret's file is refused.
const maxSecret = 8 << 10

var (
	errSecretEmpty  = errors.New("is empty")
	errSecretLength = fmt.Errorf("is longer than %d bytes", maxSecret)
)

// ReadSecrets reads the secrets that are in files of their own. What is wrong is
// returned as Errors, which repeat nothing of what a file holds.
func (c *Config) ReadSecrets() error {
	var all Errors
	for _, t := range c.tables() {
		for _, k := range t.keys {
			if err := k.readFile(); err != nil {
				all = append(all, c.fault(t.name+"."+k.fileKey, err))
			}
		}
	}
	if all == nil && !sameTokens.holds(c) {
		all = append(all, c.fault(sameTokens.keys[0], errors.New(sameTokens.message)))
	}
	if all == nil {
		return nil
	}
	return all
}

// ReadAdminToken is ReadSecrets for admin.token alone, for a command that has no use for
// the others and may not be able to read them.
func (c *Config) ReadAdminToken() error {
	for _, k := range c.Admin.keys() {
		if k.name != "token" {
			continue
		}
		if err := k.readFile(); err != nil {
			return Errors{c.fault("admin."+k.fileKey, err)}
		}
	}
	return nil
}

// readFile sets a key to what the file that its value is in holds, if it is in one.
func (k key) readFile() error {
	file := k.fromFile()
	if file == "" {
		return nil
	}
	value, err := readSecret(file)
	if err != nil {
		return err
	}
	if err := k.read(value); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// fault is the error for a key that is wrong for what a file holds.
func (c *Config) fault(key string, err error) Error {
	place, _ := c.source.place(key)
	return newError(place, 0, key, err)
}

// byteOrderMark is what some editors begin a file of UTF-8 with.
const byteOrderMark = "\ufeff"

// readSecret returns what a file holds without a byte order mark and the end of
// its last line.
func readSecret(path string) (string, error) {
	f, _, err := OpenFile(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // nothing was written to it
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s: %w", path, errSecretLength)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(string(b), byteOrderMark), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("%s: %w", path, errSecretEmpty)
	}
	return secret, nil
}

// SecretFiles returns the paths of the files that ReadSecrets reads.
func (c *Config) SecretFiles() (paths []string) {
	for _, t := range c.tables() {
		for _, k := range t.keys {
			if file := k.fromFile(); file != "" {
				paths = append(paths, file)
			}
		}
	}
	return paths
}

// FileWarnings returns a line for each file that has a secret and that other
// users of this host can read or write: the config's, and those that ReadSecrets reads.
func (c *Config) FileWarnings() (warnings []string) {
	held := false
	for _, t := range c.tables() {
		for _, k := range t.keys {
			switch file := k.fromFile(); {
			case file != "":
				if mode, open := openToOthers(file); open {
					warnings = append(warnings, fmt.Sprintf("%s.%s: %s: its mode %04o gives everybody on this host access to the secret: make it 0600",
						t.name, k.fileKey, file, mode))
				}
			case k.secret && c.source.keys[t.name+"."+k.name].line > 0 && k.value() != "" && !held:
				if mode, open := openToOthers(c.source.file); open {
					warnings = append(warnings, fmt.Sprintf("%s.%s: the mode %04o of this file gives everybody on this host access to the secret: "+
						"make it 0640 or less, or put the secret into %s", t.name, k.name, mode, k.fileKey))
				}
				held = true
			}
		}
	}
	if mode, open := openToOthers(c.HTTPS.Key); open && c.HTTPS.Key != "" {
		warnings = append(warnings, fmt.Sprintf("https.key: %s: its mode %04o gives everybody on this host access to the key: make it 0640 or less", c.HTTPS.Key, mode))
	}
	return warnings
}

// openToOthers reports whether others than a file's owner and group can read or
// write it, and its mode.
func openToOthers(path string) (mode fs.FileMode, open bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false // who opens it says so
	}
	mode = info.Mode().Perm()
	return mode, mode&0o006 != 0
}
