package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"time"
)

// glance is the time between two looks at something that is awaited.
const glance = 100 * time.Microsecond

// bbolt's first two pages each hold, after a header of 16 bytes, one of the last
// two transactions' meta data in the machine's byte order: 48 bytes, the number
// of the transaction (u64), a checksum (u64, FNV-1a) of all before it.
const (
	metaOffset = 16
	metaTx     = 48
	metaSum    = 56
	metaSize   = 64
)

// lastTx returns the number of the last transaction committed to a file, false
// if there is none.
func lastTx(path string) (n uint64, ok bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	var meta [metaSize]byte
	for i := range int64(2) {
		if _, err := f.ReadAt(meta[:], i*int64(os.Getpagesize())+metaOffset); err != nil {
			continue // not that long yet
		}
		sum := fnv.New64a()
		sum.Write(meta[:metaSum])
		if sum.Sum64() == binary.NativeEndian.Uint64(meta[metaSum:]) {
			n, ok = max(n, binary.NativeEndian.Uint64(meta[metaTx:])), true
		}
	}
	return n, ok, nil
}

// await looks again and again, with a pause in between, until something is so.
func await(ctx context.Context, what string, pause time.Duration, so func() (bool, error)) error {
	for began := time.Now(); ; time.Sleep(pause) {
		if yes, err := so(); yes || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%s: %w", what, errPatience)
		}
	}
}

// awaitCommit waits until a transaction after the one numbered n is committed,
// and returns its number. It looks without a pause: a checkpoint takes not much
// longer than a short sleep.
func awaitCommit(ctx context.Context, path string, n uint64) (next uint64, err error) {
	err = await(ctx, "a commit", 0, func() (bool, error) {
		var ok bool
		next, ok, err = lastTx(path)
		return ok && next > n, err
	})
	return next, err
}

// awaitWrite waits until a file is written to. Right after a commit, that is
// the beginning of the next one. It looks without a pause as well.
func awaitWrite(ctx context.Context, path string) error {
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	return await(ctx, "a write", 0, func() (bool, error) {
		now, err := os.Stat(path)
		return err == nil && !now.ModTime().Equal(before.ModTime()), err
	})
}

// exists says whether there is a file at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil, err
}
