package snapshot

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"keeptrack/store/safefile"
	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// Path returns the path of the snapshot that belongs to the database at path.
func Path(database string) string { return database + ".peers" }

// partSuffix follows the name of a snapshot while it is written.
const partSuffix = ".part"

// Writer writes a snapshot. Its Sections may be used at the same time, the Writer
// itself by one goroutine at a time.
type Writer struct {
	path  string
	began moment

	mu    sync.Mutex // guards what follows
	file  target
	size  int64
	total closing
}

// target is a file that takes its place when it is whole: a *safefile.Temp.
type target interface {
	Write([]byte) (int, error)
	Commit() error
	Discard()
}

// Totals say what has been written.
type Totals struct {
	Peers uint64
	Bytes int64
}

// Create begins a snapshot beside the database at path, readable for its owner only.
// It has to end with Commit or Discard. If the disk has too little room for so many
// torrents and peers, or would have for the database's checkpoints, the error is
// syscall.ENOSPC, and nothing is written.
func Create(database string, torrents int, peers [2]uint64) (*Writer, error) {
	path := Path(database)
	file, err := create(path)
	if err != nil {
		return nil, writing(path, err)
	}
	if err := checkRoom(file.File, database, expected(torrents, peers)); err != nil {
		file.Discard()
		return nil, writing(path, err)
	}
	return begin(path, file)
}

func create(path string) (*part, error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return nil, err
	}
	temp, err := at.Temp(partSuffix)
	if err != nil {
		_ = at.Close() // was only looked into
		return nil, err
	}
	return &part{temp, at}, nil
}

// part is a file with the place that it is for.
type part struct {
	*safefile.Temp
	at *safefile.Place
}

// Discard closes both, and removes the file unless it has taken its place.
func (p *part) Discard() {
	p.Temp.Discard()
	_ = p.at.Close() // was only looked into
}

// begin writes the header.
func begin(path string, file target) (*Writer, error) {
	w := &Writer{path: path, began: now(), file: file}
	if err := w.write(appendHeader(nil, w.began)); err != nil {
		w.Discard()
		return nil, err
	}
	return w, nil
}

// Commit closes the snapshot, puts it on disk and in place of the one before.
// Sections must have been flushed.
func (w *Writer) Commit() (Totals, error) {
	w.total.took = now().since(w.began)
	block := w.total.append(make([]byte, blockHeaderSize))
	sealBlock(block, blockClose)
	err := w.write(block)
	if err == nil {
		err = writing(w.path, w.file.Commit())
	}
	w.Discard()
	return Totals{Peers: w.total.peers, Bytes: w.size}, err
}

// Discard ends a snapshot that is not to be: the one before stays. After Commit it
// does nothing.
func (w *Writer) Discard() {
	if w.file == nil {
		return
	}
	w.file.Discard()
	w.file = nil
}

func (w *Writer) write(b []byte) error {
	n, err := w.file.Write(b)
	w.size += int64(n)
	return writing(w.path, err)
}

// block writes a block of so many peers, which has its checksum.
func (w *Writer) block(b []byte, peers int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total.peers += uint64(peers)
	return w.write(b)
}

func writing(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing the peers to %s: %w", path, err)
}

// Section is a part of a snapshot that one goroutine writes.
type Section struct {
	w     *Writer
	block []byte // empty, or with room for a header and the time at the beginning
	peers int    // in block
}

// Section begins a part of the snapshot.
func (w *Writer) Section() *Section {
	return &Section{w: w, block: make([]byte, 0, blockHeaderSize+maxPayload)}
}

// Add adds peers, of which those of a torrent follow each other, with their ages
// as of now or a moment ago.
func (s *Section) Add(peers []tracker.PeerState) error {
	for len(peers) > 0 {
		n := min(peergroup.Run(peers), maxGroup)
		if len(s.block)+peergroup.Room(peers[:n]) > cap(s.block) {
			if err := s.Flush(); err != nil {
				return err
			}
		}
		if len(s.block) == 0 {
			s.open()
		}
		s.block = peergroup.Append(s.block, peers[:n])
		s.peers += n
		peers = peers[n:]
	}
	return nil
}

// maxGroup is the most peers of a group.
const maxGroup = 4096

// open begins a block.
func (s *Section) open() {
	looked := uint64(now().since(s.w.began) / time.Millisecond)
	s.block = binary.AppendUvarint(s.block[:blockHeaderSize], looked)
}

// Flush writes what has been added.
func (s *Section) Flush() error {
	if len(s.block) == 0 {
		return nil
	}
	sealBlock(s.block, blockPeers)
	err := s.w.block(s.block, s.peers)
	s.block, s.peers = s.block[:0], 0
	return err
}
