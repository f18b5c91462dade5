package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"keeptrack/cmd/internal/config"
	"keeptrack/livesync/transport/nats"
)

// NATSOptions returns the options of live sync over NATS servers, with what the files hold
// that the config names; none are read if the config chooses another transport. The error
// names each file at fault with its key, and repeats nothing of what it holds.
func NATSOptions(c *config.LiveSync) (nats.Options, error) {
	if c.Transport != config.OverNATS {
		return nats.Options{}, nil
	}
	o := nats.Options{
		URLs: c.NATSURLs, Subject: c.NATSSubject, User: c.NATSUser, Password: c.NATSPassword,
		MaxPacket: cmp.Or(c.MaxPayload, nats.MaxPacket),
	}
	o.Host, _ = os.Hostname() // for people only
	var credentials, ca error
	if c.NATSCredentials != "" {
		o.Credentials, credentials = readChecked("livesync.nats_credentials", c.NATSCredentials, openPrivate, nats.CheckCredentials)
	}
	if c.NATSCA != "" {
		o.CA, ca = readChecked("livesync.nats_ca", c.NATSCA, openAny, nats.CheckCA)
	}
	return o, errors.Join(credentials, ca)
}

// readChecked returns what the file at path holds, which the config's key names.
func readChecked(key, path string, open func(key, path string) (*os.File, error), check func([]byte) error) ([]byte, error) {
	f, err := open(key, path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written to it
	b, err := io.ReadAll(io.LimitReader(f, maxNATSFile))
	if err == nil {
		err = check(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", key, path, err)
	}
	return b, nil
}

// openAny opens a file that the config's key names.
func openAny(key, path string) (*os.File, error) {
	f, _, err := config.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return f, nil
}

// maxNATSFile is the number of bytes from which on a file is cut: more than any list of CAs.
const maxNATSFile = 4 << 20
