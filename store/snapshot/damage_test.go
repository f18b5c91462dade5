package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// blocks returns where the blocks of a whole file begin, its end last.
func blocks(t *testing.T, file []byte) (at []int) {
	t.Helper()
	for next := headerSize; ; {
		at = append(at, next)
		if next == len(file) {
			return at
		}
		h, ok := parseBlockHeader(file[next:])
		if !ok {
			t.Fatalf("no block at %d of %d", next, len(file))
		}
		next += blockHeaderSize + int(h.length)
	}
}

// reseal makes the checksum of a changed header right.
func reseal(file []byte) {
	binary.BigEndian.PutUint32(file[headerSize-4:], checksum(file[:headerSize-4]))
}

// TestUnusableFiles: a file that cannot be read at all says why.
func TestUnusableFiles(t *testing.T) {
	db := database(t)
	save(t, db, somePeers(100))
	whole, err := os.ReadFile(Path(db))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func(b []byte) []byte
		want error
	}{
		{"empty", func(b []byte) []byte { return nil }, ErrForeign},
		{"something else", func(b []byte) []byte { return []byte("no peers in here, and much longer than a header is") }, ErrForeign},
		{"a part of the magic", func(b []byte) []byte { return b[:4] }, ErrForeign},
		{"a part of the header", func(b []byte) []byte { return b[:headerSize-1] }, ErrDamaged},
		{"a flipped bit in the header", func(b []byte) []byte { b[20] ^= 1; return b }, ErrDamaged},
		{"version 0", func(b []byte) []byte { b[11] = 0; reseal(b); return b }, ErrDamaged},
		{"newer", func(b []byte) []byte { b[11] = version + 1; return b }, ErrNewer},
		{"newer and shorter", func(b []byte) []byte { b[11] = version + 1; return b[:12] }, ErrNewer},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(Path(db), c.make(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(db); !errors.Is(err, c.want) || !bytes.Contains([]byte(err.Error()), []byte(Path(db))) {
				t.Errorf("%v, want %v with the path", err, c.want)
			}
			save(t, db, somePeers(100)) // takes its place
		})
	}
	t.Run("folder", func(t *testing.T) {
		if err := errors.Join(os.Remove(Path(db)), os.Mkdir(Path(db), 0o700)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(db); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, want one about a folder", err)
		}
	})
}

// TestDamagedBlocks: a damaged block costs its own peers; where no next block can be
// found, the rest of the file.
func TestDamagedBlocks(t *testing.T) {
	db, peers := database(t), somePeers(50_000)
	save(t, db, peers)
	whole, err := os.ReadFile(Path(db))
	if err != nil {
		t.Fatal(err)
	}
	at := blocks(t, whole)
	if len(at) < 5 {
		t.Fatalf("%d blocks are too few", len(at)-2)
	}
	type loss struct {
		from, to int // blocks that are lost
		damaged  int
		whole    bool
	}
	last := len(at) - 2 // the closing block
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		want   loss
	}{
		{"nothing", func(b []byte) []byte { return b }, loss{0, 0, 0, true}},
		{"payload", func(b []byte) []byte { b[at[1]+blockHeaderSize+500] ^= 0x10; return b }, loss{1, 2, 1, true}},
		{"two payloads", func(b []byte) []byte { b[at[1]+100]++; b[at[2]+100]++; return b }, loss{1, 3, 2, true}},
		{"type", func(b []byte) []byte { b[at[1]] ^= 0x40; return b }, loss{1, last, 1, false}},
		{"length", func(b []byte) []byte { b[at[1]+6]++; return b }, loss{1, last, 1, false}},
		{"checksum", func(b []byte) []byte { b[at[2]+9]++; return b }, loss{2, last, 1, false}},
		{"cut in a payload", func(b []byte) []byte { return b[:at[2]+5000] }, loss{2, last, 1, false}},
		{"cut in a header", func(b []byte) []byte { return b[:at[2]+5] }, loss{2, last, 1, false}},
		{"cut between blocks", func(b []byte) []byte { return b[:at[2]] }, loss{2, last, 1, false}},
		{"cut before the end", func(b []byte) []byte { return b[:at[last]] }, loss{last, last, 1, false}},
		{"closing block", func(b []byte) []byte { b[len(b)-1]++; return b }, loss{last, last, 2, false}},
		{"zeros", func(b []byte) []byte { clear(b[at[1]:]); return b }, loss{1, last, 1, false}},
		{"more at the end", func(b []byte) []byte { return append(b, "more"...) }, loss{0, 0, 0, true}},
		{"an unknown block", func(b []byte) []byte { return insert(b, at[1], 77) }, loss{1, last, 1, false}},
		{"an unknown optional block", func(b []byte) []byte { return insert(b, at[1], 77|optional) }, loss{0, 0, 0, true}},
		{"a block of nonsense with its checksum", func(b []byte) []byte { return insert(b, at[1], blockPeers) }, loss{0, 0, 1, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(Path(db), c.damage(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			kept := append(bytes.Clone(whole[at[0]:at[c.want.from]]), whole[at[c.want.to]:at[last]]...)
			var want []tracker.PeerState
			for next := 0; next < len(kept); {
				h, _ := parseBlockHeader(kept[next:])
				payload := kept[next+blockHeaderSize:][:h.length]
				err := parsePeers(payload, 0, make([]tracker.PeerState, 0, 100), func(some []tracker.PeerState) { want = append(want, some...) })
				if err != nil {
					t.Fatal(err)
				}
				next += blockHeaderSize + int(h.length)
			}
			got, info := load(t, db, sameTime)
			wantPeers(t, got, want)
			if info.Damaged != c.want.damaged || info.Peers != uint64(len(want)) {
				t.Errorf("%+v, want %d damaged and %d peers", info, c.want.damaged, len(want))
			}
			lost := uint64(len(peers) - len(want))
			if !c.want.whole {
				lost = 0 // nobody knows
			}
			if info.Lost != lost {
				t.Errorf("%d peers lost, want %d", info.Lost, lost)
			}
		})
	}
}

// insert puts a block that ends in the middle of a peer at an offset.
func insert(file []byte, at int, kind blockType) []byte {
	block := peergroup.Append(append(make([]byte, blockHeaderSize), 0), []tracker.PeerState{{Peer: peer(1)}})
	block = block[:len(block)-1]
	sealBlock(block, kind)
	return append(append(bytes.Clone(file[:at]), block...), file[at:]...)
}

// FuzzRead: whatever is in a file, reading it ends, and gives no more than there is.
func FuzzRead(f *testing.F) {
	db := database(f)
	save(f, db, somePeers(30))
	whole, err := os.ReadFile(Path(db))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-closingSize])
	f.Add(insert(whole, headerSize, blockPeers))
	f.Add(insert(whole, headerSize, 9|optional))
	f.Add(whole[:headerSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(Path(db), file, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(db)
		if err != nil {
			return
		}
		defer r.Close()
		if info, err := r.Each(func([]tracker.PeerState) {}); err != nil || info.Peers > uint64(len(file)) {
			t.Errorf("%+v, %v", info, err)
		}
	})
}
