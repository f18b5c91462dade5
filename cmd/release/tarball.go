package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"
)

// tarball is an archive in the making whose bytes depend on what is added, in which
// order, and on a time, which all entries get.
type tarball struct {
	w    *tar.Writer
	time time.Time
	made map[string]bool // folders that the archive has
}

func newTarball(w io.Writer, t time.Time) *tarball {
	return &tarball{tar.NewWriter(w), t, map[string]bool{".": true, "/": true}}
}

// add adds a file, and the folders above that are not there yet.
func (t *tarball) add(name string, data []byte, mode int64, o owner) error {
	if err := t.folder(path.Dir(name), owner{}); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))}
	if err := t.header(h, o); err != nil {
		return err
	}
	_, err := t.w.Write(data)
	return err
}

// addFile adds a file of the file system.
func (t *tarball) addFile(name, from string, mode int64, o owner) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return t.add(name, data, mode, o)
}

// addFolder adds the regular files of a folder, which has no others, in order.
func (t *tarball) addFolder(name, from string, mode int64, o owner) error {
	entries, err := os.ReadDir(from) // sorted
	if err != nil {
		return err
	}
	if err := t.folder(name, o); err != nil {
		return err
	}
	for _, e := range entries {
		if err := t.addFile(path.Join(name, e.Name()), filepath.Join(from, e.Name()), mode, o); err != nil {
			return err
		}
	}
	return nil
}

func (t *tarball) folder(name string, o owner) error {
	if t.made[name] {
		return nil
	}
	if err := t.folder(path.Dir(name), owner{}); err != nil {
		return err
	}
	t.made[name] = true
	return t.header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}, o)
}

func (t *tarball) header(h *tar.Header, o owner) error {
	h.Format, h.ModTime, h.Uid, h.Gid = tar.FormatUSTAR, t.time, o.uid, o.gid
	return t.w.WriteHeader(h)
}

func (t *tarball) close() error { return t.w.Close() }

// owner is a user and a group by number; the zero value is root.
type owner struct{ uid, gid int }

// compress returns data in gzip, without a name and a time.
func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = cmp.Or(err, w.Close())
	return out.Bytes(), err
}
