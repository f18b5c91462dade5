package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// fromHex reads groups of hexadecimal digits.
func fromHex(t *testing.T, groups ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(groups, ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Two records with every field in use.
var (
	recordA = tracker.Record{InfoHash: hash("1100000000000000000000000000000000000001"), LastAnnounce: 0x01c9f3d2, Downloaded: 7}
	recordB = tracker.Record{InfoHash: hash("11ffffffffffffffffffffffffffffffffffff02"), LastAnnounce: 1, Downloaded: 1<<64 - 2}
)

func hash(s string) tracker.InfoHash {
	h, err := tracker.ParseInfoHash(s)
	if err != nil {
		panic(err)
	}
	return h
}

func TestChunkBytes(t *testing.T) {
	want := fromHex(t,
		"f0e06874",
		"0000000000000305",
		"1100000000000000000000000000000000000001", "01c9f3d2", "0000000000000007",
		"11ffffffffffffffffffffffffffffffffffff02", "00000001", "fffffffffffffffe")
	got := appendChunk(nil, 0x305, encoded(recordA, recordB))
	if !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
}

func TestJournalValueBytes(t *testing.T) {
	want := fromHex(t,
		"9d207079",
		"00000001", "00000002",
		"1100000000000000000000000000000000000001", "01c9f3d2", "0000000000000007",
		"0000000000000000000000000000000000000003",
		"11ffffffffffffffffffffffffffffffffffff02",
		"7abfb32b", "27a63e90")
	got := recordTable.appendJournal(nil, encoded(recordA), hashes(tracker.InfoHash{19: 3}, recordB.InfoHash))
	if !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
}

// TestJournalSums: each block of 256 elements has a checksum of its own.
func TestJournalSums(t *testing.T) {
	var many []tracker.Record
	for i := range 600 {
		many = append(many, tracker.Record{InfoHash: tracker.InfoHash{byte(i >> 8), byte(i)}})
	}
	v := recordTable.appendJournal(nil, encoded(many...), hashes(recordA.InfoHash))
	if want := journalHeader + 600*recordSize + hashSize + (3+1)*4; len(v) != want {
		t.Errorf("%d bytes, want %d", len(v), want)
	}
	e, err := recordTable.decodeJournal(7, v)
	if err != nil || e.Sequence != 7 || len(e.Elements) != 600*recordSize || len(e.Removed) != hashSize {
		t.Errorf("%d, %d and %d bytes, %v", e.Sequence, len(e.Elements), len(e.Removed), err)
	}
}

// The vector of RFC 3720 for 32 zero bytes.
func TestSealIsCRC32C(t *testing.T) {
	v := putChecksum(make([]byte, 4+32))
	if want := fromHex(t, "8a9136aa"); !bytes.Equal(v[:4], want) {
		t.Errorf("checksum %x, want %x", v[:4], want)
	}
}

func TestDecodeChunkRefuses(t *testing.T) {
	good := func() []byte { return appendChunk(nil, 5, encoded(recordA, recordB)) }
	low, high := recordA.InfoHash[:], hash("11ffffffffffffffffffffffffffffffffffff03")
	within := bounds{low, high[:]}
	tests := []struct {
		name   string
		value  []byte
		bounds bounds
		want   error
	}{
		{"empty", nil, within, errLength},
		{"half a header", good()[:chunkHeader-1], within, errLength},
		{"half a record", good()[:chunkHeader+recordSize/2], within, errLength},
		{"too many records", appendChunk(nil, 5, make([]byte, (maxChunk+1)*recordSize)), within, errLength},
		{"a record missing", good()[:chunkHeader+recordSize], within, errChecksum},
		{"sequence changed", flip(good(), 4), within, errChecksum},
		{"record changed", flip(good(), chunkHeader), within, errChecksum},
		{"first before the chunk", good(), bounds{recordB.InfoHash[:], nil}, errRange},
		{"last at the next chunk", good(), bounds{low, recordB.InfoHash[:]}, errRange},
		{"out of order", appendChunk(nil, 5, encoded(recordB, recordA)), within, errOrder},
		{"twice", appendChunk(nil, 5, encoded(recordA, recordA)), within, errOrder},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := recordTable.decodeChunk(test.bounds, test.value); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	for _, b := range []bounds{within, {low, nil}, {make([]byte, hashSize), nil}} {
		if _, err := recordTable.decodeChunk(b, good()); err != nil {
			t.Errorf("the value that they were made from: %v", err)
		}
	}
}

func TestDecodeJournalRefuses(t *testing.T) {
	good := func() []byte { return recordTable.appendJournal(nil, encoded(recordA), hashes(recordB.InfoHash)) }
	sums := len(good()) - 2*runs.SumSize
	tests := []struct {
		name  string
		value []byte
		want  error
	}{
		{"empty", nil, errLength},
		{"half a header", good()[:journalHeader-1], errLength},
		{"half a checksum", good()[:len(good())-1], errLength},
		{"a checksum missing", good()[:len(good())-runs.SumSize], errLength},
		{"a byte too many", append(good(), 0), errLength},
		{"more records than there are", putChecksum(append(good()[:4], 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)), errLength},
		{"more removed than there are", putChecksum(append(good()[:4], 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)), errLength},
		{"record changed", flip(good(), journalHeader), errChecksum},
		{"block's checksum changed", putChecksum(flip(good(), sums)), errChecksum},
		{"last checksum changed", putChecksum(flip(good(), sums+runs.SumSize)), errChecksum},
		{"records out of order", recordTable.appendJournal(nil, encoded(recordB, recordA), nil), errOrder},
		{"hash twice", recordTable.appendJournal(nil, nil, hashes(recordA.InfoHash, recordA.InfoHash)), errOrder},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := recordTable.decodeJournal(1, test.value); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if _, err := recordTable.decodeJournal(1, good()); err != nil {
		t.Errorf("the value that they were made from: %v", err)
	}
}

// flip changes one bit of byte i.
func flip(v []byte, i int) []byte {
	v[i] ^= 0x10
	return v
}

// encoded returns records as they are in values.
func encoded(records ...tracker.Record) (b []byte) {
	for _, r := range records {
		b = appendRecord(b, r)
	}
	return b
}

// hashes returns info hashes as they are in values.
func hashes(all ...tracker.InfoHash) (b []byte) {
	for _, h := range all {
		b = append(b, h[:]...)
	}
	return b
}

// FuzzDecodeChunk: whatever decodes encodes to the same bytes. The checksum is
// put right first, or nothing would get past it.
func FuzzDecodeChunk(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendChunk(nil, 0, nil))
	f.Add(appendChunk(nil, 5, encoded(recordA, recordB)))
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) >= 4 {
			putChecksum(v)
		}
		got, err := recordTable.decodeChunk(bounds{make([]byte, hashSize), nil}, v)
		if err != nil {
			return
		}
		if again := appendChunk(nil, got.sequence, got.elements); !bytes.Equal(again, v) {
			t.Errorf("%x encodes to %x", v, again)
		}
	})
}

// FuzzDecodeJournal: whatever decodes encodes to the same bytes. The checksums
// are put right first, or nothing would get past them.
func FuzzDecodeJournal(f *testing.F) {
	f.Add([]byte{})
	f.Add(recordTable.appendJournal(nil, nil, nil))
	f.Add(recordTable.appendJournal(nil, encoded(recordA, recordB), hashes(tracker.InfoHash{1}, tracker.InfoHash{2})))
	f.Fuzz(func(t *testing.T, v []byte) {
		if e, err := recordTable.openJournal(1, v); err == nil {
			copy(e.ElementSums, runs.AppendSums(nil, e.Elements, recordSize))
			copy(e.RemovedSums, runs.AppendSums(nil, e.Removed, hashSize))
			putChecksum(v)
		}
		got, err := recordTable.decodeJournal(1, v)
		if err != nil {
			return
		}
		if again := recordTable.appendJournal(nil, got.Elements, got.Removed); !bytes.Equal(again, v) {
			t.Errorf("%x encodes to %x", v, again)
		}
	})
}
