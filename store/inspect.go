package store

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/store/boltpage"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Info tells what is in a database file.
type Info struct {
	Version int       // of the schema
	Created time.Time // to the second
	// Size is the length of the file, of which Pages of PageSize are in use;
	// FreePages of them hold nothing. All but Pages in bytes.
	Size                       int64
	PageSize, Pages, FreePages int

	// Overrides counts the decisions about single info hashes that prevail over the
	// access list, and DroppedOverrides those that were dropped and are kept so that
	// they do not come back.
	Overrides, DroppedOverrides int
	// Label names the instance to people.
	Label          override.Label
	JournalEntries int
	// Parts counts those of origins that are not folded, Origins these origins as far
	// as they are known, and Folded the folded ones.
	Parts, Origins, Folded int
	Torrents               int
	Downloads              uint64 // of all torrents, at most 2^64-1
	// Oldest and Newest are the least and the greatest last announce, in whole
	// minutes since 1970-01-01 UTC; 0 if there are no torrents.
	Oldest, Newest uint32
	// Top are the torrents with the most downloads, most first; equals are in
	// order of info hash.
	Top []tracker.Record

	// Damage says which of the two meta pages is damaged, nil if none is. What
	// the other says may be as of the transaction before the last one.
	Damage error
}

// Inspect reads the whole file at path and tells what is in it, with up to top
// torrents in Info.Top. Its memory does not grow with the number of torrents.
// The file must be of the newest version, and whole but for one meta page.
func Inspect(path string, top int) (*Info, error) {
	var i *Info
	var damage error
	tolerate := func(err *boltpage.MetaError) { damage = damaged(path, err) }
	err := viewNewest(path, tolerate, func(tx *bbolt.Tx, f *os.File) (err error) {
		i, err = inspect(tx, f, path, top)
		return err
	})
	if err != nil {
		return nil, err
	}
	i.Damage = damage
	return i, nil
}

func inspect(tx *bbolt.Tx, f *os.File, path string, top int) (*Info, error) {
	file, err := f.Stat()
	if err != nil {
		return nil, openError(path, err)
	}
	i := &Info{Size: file.Size(), PageSize: tx.DB().Info().PageSize, Created: readCreated(tx.Bucket(bucketMeta))}
	i.Pages = int(tx.Size()) / i.PageSize
	if i.Version, err = readVersion(tx); err != nil {
		return nil, openError(path, err)
	}
	if i.FreePages, err = checkFile(tx, f, path, func(error) {}); err != nil {
		return nil, err
	}
	if err := i.countOverrides(tx); err != nil {
		return nil, damaged(path, err)
	}
	if err := i.countParts(tx); err != nil {
		return nil, damaged(path, err)
	}
	_, i.JournalEntries, err = walk(tx, func(r tracker.Record) { i.add(r, top) })
	if err != nil {
		return nil, damaged(path, err)
	}
	return i, nil
}

func (i *Info) countOverrides(tx *bbolt.Tx) error {
	copy(i.Label[:], tx.Bucket(bucketMeta).Get(keyLabel))
	return tx.Bucket(bucketAccess).ForEach(func(k, v []byte) error {
		switch o, err := decodeOverride(k, v); {
		case err != nil:
			return fmt.Errorf("bucket access, key %x: %w", k, err)
		case o.Decision == override.Dropped:
			i.DroppedOverrides++
		default:
			i.Overrides++
		}
		return nil
	})
}

func (i *Info) countParts(tx *bbolt.Tx) error {
	origins, err := readOrigins(tx)
	if err != nil {
		return err
	}
	for _, v := range origins.kinds {
		if v.kind == originFolded {
			i.Folded++
		} else {
			i.Origins++
		}
	}
	_, _, err = partTable.in(tx).walk(func(element []byte) {
		if p := readPart(element); p.Origin != tracker.Nobody && !origins.drops(p) {
			i.Parts++
		}
	})
	return err
}

// add takes in a torrent.
func (i *Info) add(r tracker.Record, top int) {
	if i.Torrents == 0 {
		i.Oldest = r.LastAnnounce
	}
	i.Torrents++
	i.Oldest = min(i.Oldest, r.LastAnnounce)
	i.Newest = max(i.Newest, r.LastAnnounce)
	i.Downloads += min(r.Downloaded, tracker.MaxDownloaded-i.Downloads)
	if len(i.Top) == top && (top == 0 || compareDownloads(r, i.Top[top-1]) > 0) {
		return
	}
	at, _ := slices.BinarySearchFunc(i.Top, r, compareDownloads)
	i.Top = slices.Insert(i.Top, at, r)
	i.Top = i.Top[:min(len(i.Top), top)]
}

// compareDownloads orders records by downloads, most first.
func compareDownloads(a, b tracker.Record) int {
	return cmp.Or(cmp.Compare(b.Downloaded, a.Downloaded), compareRecords(a, b))
}
