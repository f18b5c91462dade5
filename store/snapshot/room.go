package snapshot

import (
	"fmt"
	"os"
	"syscall"

	"keeptrack/store/safefile"
	"keeptrack/tracker"
)

// expected returns about how many bytes a snapshot takes, rather too many.
func expected(torrents int, peers [2]uint64) int64 {
	const tail = 3 // ages up to 45 minutes and more
	all := peers[tracker.IPv4] + peers[tracker.IPv6]
	return int64(peers[tracker.IPv4])*(tracker.CompactSize4+tail) + int64(peers[tracker.IPv6])*(tracker.CompactSize6+tail) +
		int64(min(all, uint64(torrents)))*int64(len(tracker.InfoHash{})+2)
}

// The room on the disk that a snapshot leaves to the database: what a few checkpoints
// make it grow by.
const (
	leastLeft     = 2 << 20
	databaseShare = 8 // of its size
)

// checkRoom returns an error if a snapshot of so many bytes would leave too little
// room for checkpoints of the database beside it: counts come first.
func checkRoom(part *os.File, database string, bytes int64) error {
	free, known := freeBytes(part)
	if !known {
		return nil
	}
	left := int64(leastLeft)
	if size, err := sizeOf(database); err == nil {
		left += size / databaseShare
	}
	if free < bytes+left {
		return fmt.Errorf("it needs about %d bytes; %d are free, of which %d are for the database: %w", bytes, free, left, syscall.ENOSPC)
	}
	return nil
}

func sizeOf(path string) (int64, error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return 0, err
	}
	defer at.Close() // was only looked into
	f, err := at.Open(os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close() // was only looked at
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
