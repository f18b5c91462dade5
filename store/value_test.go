package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

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

// Two records of shard 0x11 with every field in use.
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

func TestBaseValueBytes(t *testing.T) {
	want := fromHex(t,
		"f0e06874",
		"0000000000000305",
		"1100000000000000000000000000000000000001", "01c9f3d2", "0000000000000007",
		"11ffffffffffffffffffffffffffffffffffff02", "00000001", "fffffffffffffffe")
	got := encodeBase(0x305, []tracker.Record{recordA, recordB})
	if !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
}

func TestJournalValueBytes(t *testing.T) {
	want := fromHex(t,
		"dd55df7d",
		"00000001",
		"1100000000000000000000000000000000000001", "01c9f3d2", "0000000000000007",
		"0000000000000000000000000000000000000003",
		"11ffffffffffffffffffffffffffffffffffff02")
	got := encodeJournal(&tracker.Changes{
		Records: []tracker.Record{recordA},
		Removed: []tracker.InfoHash{{19: 3}, recordB.InfoHash},
	})
	if !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
}

// The vector of RFC 3720 for 32 zero bytes.
func TestSealIsCRC32C(t *testing.T) {
	v := seal(make([]byte, 4+32))
	if want := fromHex(t, "8a9136aa"); !bytes.Equal(v[:4], want) {
		t.Errorf("checksum %x, want %x", v[:4], want)
	}
}

func TestDecodeBaseRefuses(t *testing.T) {
	good := func() []byte { return encodeBase(5, []tracker.Record{recordA, recordB}) }
	tests := []struct {
		name  string
		value []byte
		shard int
		want  error
	}{
		{"empty", nil, 0x11, errLength},
		{"half a header", good()[:baseHeader-1], 0x11, errLength},
		{"half a record", good()[:baseHeader+recordSize/2], 0x11, errLength},
		{"a record missing", good()[:baseHeader+recordSize], 0x11, errChecksum},
		{"sequence changed", flip(good(), 4), 0x11, errChecksum},
		{"record changed", flip(good(), baseHeader), 0x11, errChecksum},
		{"another shard's", good(), 0x12, errShard},
		{"last of another shard", encodeBase(5, []tracker.Record{{InfoHash: tracker.InfoHash{0x11}}, {InfoHash: tracker.InfoHash{0x12}}}), 0x11, errShard},
		{"out of order", encodeBase(5, []tracker.Record{recordB, recordA}), 0x11, errOrder},
		{"twice", encodeBase(5, []tracker.Record{recordA, recordA}), 0x11, errOrder},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := decodeBase(test.shard, test.value); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if _, err := decodeBase(0x11, good()); err != nil {
		t.Errorf("the value that they were made from: %v", err)
	}
}

func TestDecodeJournalRefuses(t *testing.T) {
	good := func() []byte {
		return encodeJournal(&tracker.Changes{Records: []tracker.Record{recordA}, Removed: []tracker.InfoHash{recordB.InfoHash}})
	}
	tests := []struct {
		name  string
		value []byte
		want  error
	}{
		{"empty", nil, errLength},
		{"half a header", good()[:journalHeader-1], errLength},
		{"half a hash", good()[:len(good())-1], errLength},
		{"a hash missing", good()[:len(good())-hashSize], errChecksum},
		{"more records than there are", seal(append(good()[:4], 0xff, 0xff, 0xff, 0xff)), errLength},
		{"record changed", flip(good(), journalHeader), errChecksum},
		{"records out of order", encodeJournal(&tracker.Changes{Records: []tracker.Record{recordB, recordA}}), errOrder},
		{"hash twice", encodeJournal(&tracker.Changes{Removed: []tracker.InfoHash{recordA.InfoHash, recordA.InfoHash}}), errOrder},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := decodeJournal(test.value); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if _, err := decodeJournal(good()); err != nil {
		t.Errorf("the value that they were made from: %v", err)
	}
}

// flip changes one bit of byte i.
func flip(v []byte, i int) []byte {
	v[i] ^= 0x10
	return v
}

// records reads records out of a value.
func records(b []byte) (rs []tracker.Record) {
	for ; len(b) > 0; b = b[recordSize:] {
		rs = append(rs, readRecord(b))
	}
	return rs
}

// FuzzDecodeBase: whatever decodes encodes to the same bytes. The checksum is
// put right first, or nothing would get past it.
func FuzzDecodeBase(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeBase(0, nil))
	f.Add(encodeBase(5, []tracker.Record{recordA, recordB}))
	f.Fuzz(func(t *testing.T, v []byte) {
		shard := 0
		if len(v) > baseHeader {
			shard = int(v[baseHeader])
		}
		if len(v) >= 4 {
			seal(v)
		}
		got, err := decodeBase(shard, v)
		if err != nil {
			return
		}
		if again := encodeBase(got.sequence, records(got.records)); !bytes.Equal(again, v) {
			t.Errorf("%x encodes to %x", v, again)
		}
	})
}

// FuzzDecodeJournal: whatever decodes encodes to the same bytes. The checksum
// is put right first, or nothing would get past it.
func FuzzDecodeJournal(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeJournal(&tracker.Changes{}))
	f.Add(encodeJournal(&tracker.Changes{Records: []tracker.Record{recordA, recordB}, Removed: []tracker.InfoHash{{1}, {2}}}))
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) >= 4 {
			seal(v)
		}
		got, err := decodeJournal(v)
		if err != nil {
			return
		}
		c := tracker.Changes{Records: records(got.records)}
		for b := got.removed; len(b) > 0; b = b[hashSize:] {
			c.Removed = append(c.Removed, tracker.InfoHash(b[:hashSize]))
		}
		if again := encodeJournal(&c); !bytes.Equal(again, v) {
			t.Errorf("%x encodes to %x", v, again)
		}
	})
}
