package snapshot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/store/safefile"
	"keeptrack/tracker"
)

// Reader reads a snapshot.
type Reader struct {
	file *os.File
	size int64
	at   moment // when it was opened

	began moment // as the header has it
}

// Open opens the snapshot that belongs to the database at path. The error is
// fs.ErrNotExist if there is none, and ErrForeign, ErrNewer or ErrDamaged if it cannot
// be read at all.
func Open(database string) (*Reader, error) {
	path := Path(database)
	r, err := open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the peers in %s: %w", path, err)
	}
	return r, err
}

func open(path string) (*Reader, error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return nil, err
	}
	defer at.Close() // was only looked into
	file, err := at.Open(os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	r := &Reader{file: file, at: now()}
	if err := r.readHeader(); err != nil {
		_ = file.Close() // was only read
		return nil, err
	}
	return r, nil
}

func (r *Reader) readHeader() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size = info.Size()
	head := make([]byte, headerSize)
	n, err := io.ReadFull(r.file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	r.began, err = parseHeader(head[:n])
	return err
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// Info is what there is to tell of a snapshot.
type Info struct {
	// Size is the length of the file in bytes.
	Size int64
	// Began is when the snapshot was begun, by the wall clock of then.
	Began time.Time
	// Age is the time since it was done, or if it is not whole since it was begun.
	Age time.Duration
	// Peers counts those in the blocks that could be read.
	Peers uint64
	// Damaged counts the blocks that could not be read. If the end of the file is
	// missing, or cannot be found, that counts as one.
	Damaged int
	// Lost counts the peers that could not be read, if the file is whole otherwise.
	Lost uint64
}

// maxWorkers bounds the goroutines that parse, and with them the memory: each has a
// block and a batch of peers.
const maxWorkers = 4

// batchPeers is the number of peers at a time.
const batchPeers = 1 << 14

// Each calls take with all peers that can be read, in batches that are valid until it
// returns, from several goroutines at a time. Their ages are as of when the snapshot
// was opened. An error is the system's on reading; what was read before it counts.
func (r *Reader) Each(take func([]tracker.PeerState)) (Info, error) {
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	e := each{r: r, take: take, blocks: make(chan []byte), free: make(chan []byte, workers+1)}
	for range cap(e.free) {
		e.free <- make([]byte, maxPayload)
	}
	var parsing sync.WaitGroup
	for range workers {
		parsing.Go(e.parse)
	}
	err := e.read()
	close(e.blocks)
	parsing.Wait()
	info := Info{Size: r.size, Began: r.began.wall, Age: r.at.since(r.began), Peers: e.peers.Load(), Damaged: e.broken + int(e.damaged.Load())}
	if e.whole {
		info.Age = max(info.Age-e.end.took, 0)
		info.Lost = max(e.end.peers, info.Peers) - info.Peers
	} else {
		info.Damaged++
	}
	if err != nil {
		err = fmt.Errorf("reading the peers in %s: %w", r.file.Name(), err)
	}
	return info, err
}

// each is one run of Reader.Each.
type each struct {
	r      *Reader
	take   func([]tracker.PeerState)
	blocks chan []byte // payloads of peers
	free   chan []byte // buffers

	peers   atomic.Uint64
	damaged atomic.Uint64 // blocks of peers that were not what their checksum says

	// The following belong to read.
	broken int  // blocks with a wrong checksum
	whole  bool // the closing block is there
	end    closing
}

// parse has the peers of blocks taken in.
func (e *each) parse() {
	batch, since := make([]tracker.PeerState, 0, batchPeers), e.r.at.since(e.r.began)
	for payload := range e.blocks {
		err := parsePeers(payload, since, batch, func(peers []tracker.PeerState) {
			e.peers.Add(uint64(len(peers)))
			e.take(peers)
		})
		if err != nil {
			e.damaged.Add(1)
		}
		e.free <- payload[:maxPayload]
	}
}

// read reads block after block up to the closing one, or to where no block can be
// found.
func (e *each) read() error {
	in := bufio.NewReaderSize(e.r.file, maxPayload)
	head := make([]byte, blockHeaderSize)
	for !e.whole {
		if err := readFull(in, head); err != nil {
			return unlessEOF(err)
		}
		h, ok := parseBlockHeader(head)
		if !ok || h.kind != blockPeers && h.kind != blockClose && h.kind&optional == 0 {
			return nil
		}
		payload := (<-e.free)[:h.length]
		if err := readFull(in, payload); err != nil {
			return unlessEOF(err)
		}
		e.block(h, payload)
	}
	return nil
}

// block takes in a block.
func (e *each) block(h blockHeader, payload []byte) {
	intact := checksum(payload) == h.checksum
	switch {
	case !intact:
		e.broken++
	case h.kind == blockPeers:
		e.blocks <- payload
		return
	case h.kind == blockClose:
		e.end, e.whole = parseClosing(payload)
	}
	e.free <- payload[:maxPayload]
}

func readFull(in io.Reader, b []byte) error {
	_, err := io.ReadFull(in, b)
	return err
}

// unlessEOF returns the error unless it is the end of the file, which is damage.
func unlessEOF(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}
