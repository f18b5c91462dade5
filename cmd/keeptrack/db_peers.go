package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"keeptrack/store"
	"keeptrack/store/snapshot"
)

func newDBPeersCommand() *cobra.Command {
	return newGroup("peers", "Work on the snapshot of the peers beside a database file", newDBPeersDropCommand())
}

func newDBPeersDropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop FILE",
		Short: "Delete the snapshot of the peers beside a database file",
		Long: `Delete FILE.peers, in which the daemon keeps the addresses of peers over a restart, and
the rest of an interrupted snapshot. The database file is not changed.

The command refuses to run while a daemon has the database open, because that would soon
write the next snapshot. Set store.keep_peers to false and reload the daemon instead: it
then deletes the file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			files := 0
			err := onDatabase(args[0], func(path string) error {
				return store.Exclusive(path, func() (err error) {
					files, err = snapshot.Drop(path)
					return err
				})
			})
			if err != nil {
				return err
			}
			done := "deleted"
			if files == 0 {
				done = "does not exist"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", snapshot.Path(args[0]), done)
			return err
		},
	}
}

// inspectedPeers is what db inspect tells of the snapshot of the peers.
type inspectedPeers struct {
	Peers   uint64  `json:"peers"`
	Size    int64   `json:"size_bytes"`
	Began   string  `json:"began,omitempty"`
	Age     float64 `json:"age_seconds"`
	Damaged int     `json:"damaged_blocks"`
	Error   string  `json:"error,omitempty"` // why it cannot be read
}

// inspectPeers reads the snapshot beside a database; nil if there is none.
func inspectPeers(database string) *inspectedPeers {
	i, err := snapshot.Inspect(database)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p := &inspectedPeers{Peers: i.Peers, Size: i.Size, Age: i.Age.Seconds(), Damaged: i.Damaged}
	if !i.Began.IsZero() {
		p.Began = timeText(i.Began)
	}
	if err != nil {
		p.Error = err.Error()
	}
	return p
}

// String returns the line of db inspect.
func (p *inspectedPeers) String() string {
	switch {
	case p == nil:
		return "no snapshot of peers"
	case p.Error != "":
		return "snapshot of peers cannot be read: " + p.Error
	}
	return fmt.Sprintf("snapshot of peers %d, size %d, begun %s, %.0f seconds old, damaged blocks %d", p.Peers, p.Size, p.Began, p.Age, p.Damaged)
}
