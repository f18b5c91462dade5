package main

import (
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

func TestLastTx(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := lastTx(path); ok || err != nil {
		t.Errorf("an empty file has a transaction, %v", err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for want := uint64(schemaTx - 1); want < schemaTx+5; want++ {
		if got, ok, err := lastTx(path); got != want || !ok || err != nil {
			t.Errorf("transaction %d, %v, %v, want %d", got, ok, err, want)
		}
		if err := db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists([]byte("any"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseMetrics(t *testing.T) {
	got := parseMetrics([]byte("# HELP keeptrack_checkpoint_total Checkpoints written.\n# TYPE x counter\n" +
		metricCheckpoints + " 12\n" + metricMemory + " 2.5e+07\nother{label=\"value\"} 1\n"))
	if got[metricCheckpoints] != 12 || got[metricMemory] != 2.5e7 {
		t.Errorf("got %v", got)
	}
}
