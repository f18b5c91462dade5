package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
)

// descriptors returns this process's descriptors of the file at path.
func descriptors(t *testing.T, path string) (fds []int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != path {
			continue
		}
		fd, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// waitForOpen waits until this process has the file open n times.
func waitForOpen(t *testing.T, path string, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(descriptors(t, path)) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is not open %d times", path, n)
		}
	}
}

// swap puts another file behind the descriptor that a store has open, so that
// writing meets that file's errors, until the function returned is called. The
// file's lock stays.
func swap(t *testing.T, s *Store, other string, flag int) (back func()) {
	t.Helper()
	fd := int(s.file.Fd())
	kept, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(other, flag, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Dup3(int(f.Fd()), fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(unix.Dup3(kept, fd, unix.O_CLOEXEC), unix.Close(kept)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteErrors: while the disk refuses to write nothing is lost, and once it
// writes again everything comes.
func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		name, other string // "" is the file itself
		flag        int
		want        error
	}{
		{"read-only file", "", os.O_RDONLY, syscall.EBADF},
		{"every write fails", "/dev/full", os.O_RDWR, nil},
		{"writes vanish and flushing fails", "/dev/null", os.O_RDWR, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := testPath(t)
			s, src := openLoaded(t, path)
			s.db.NoSync = false
			for i := range 5000 {
				src.put(record(i, 1))
			}
			for range 3 { // leaves free pages: the next ones need no growth
				checkpoint(t, s, src)
				for i := range 5000 {
					src.put(record(i, 2))
				}
			}
			durable := loadAll(t, s)
			other := c.other
			if other == "" {
				other = path
			}
			back := swap(t, s, other, c.flag)
			for range 3 {
				src.put(record(5000, 3))
				if _, err := s.Checkpoint(src, Along{}); err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v, want %v with the path", err, c.want)
				}
			}
			back()
			wantRecords(t, loadAll(t, s), durable)
			if res := checkpoint(t, s, src); res.Records != 5001 {
				t.Errorf("%d records written, want all 5001", res.Records)
			}
			s, _ = reopen(t, s)
			wantRecords(t, loadAll(t, s), src.all())
			closeStore(t, s)
			wantSound(t, path)
		})
	}
}

// TestSettle: after a transaction failed, the meta pages are written again
// before anything else is.
func TestSettle(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	src.put(record(1, 1))
	update := s.update
	failAfter(s, 0, true) // takes effect and fails
	if _, err := s.Checkpoint(src, Along{}); !errors.Is(err, errDisk) {
		t.Fatalf("error %v, want the disk's", err)
	}
	s.update = update
	n := transactions(s)
	back := swap(t, s, "/dev/full", os.O_RDWR)
	if _, err := s.Checkpoint(src, Along{}); err == nil || !strings.Contains(err.Error(), "meta pages") || *n != 0 {
		t.Errorf("error %v after %d transactions, want one about the meta pages", err, *n)
	}
	back()
	checkpoint(t, s, src)
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// smallDisk returns a directory with a file system of its own, of so many
// bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	testenv.NeedRoot(t)
	dir := t.TempDir()
	testenv.Need(t, "mount a file system", unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)))
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if closeErr := f.Close(); !errors.Is(err, syscall.ENOSPC) || closeErr != nil {
		t.Fatal(err, closeErr)
	}
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 16<<20)
	path := filepath.Join(dir, "test.db")
	s, src := openLoaded(t, path)
	for i := range 10_000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	durable := src.all()
	fill(t, filepath.Join(dir, "ballast"))
	for round := range uint32(5) {
		for i := range 60_000 {
			src.put(record(i, 2+round))
		}
		if _, err := s.Checkpoint(src, Along{}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Fatalf("error %v, want no space with the path", err)
		}
		wantRecords(t, loadAll(t, s), durable)
	}
	// A daemon that is stopped now finds what was written.
	s2, again := reopen(t, s)
	wantRecords(t, again.all(), durable)
	if _, err := s2.Checkpoint(src, Along{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v, want no space", err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if res := checkpoint(t, s2, src); res.Records != 60_000 {
		t.Errorf("%d records written, want all 60000", res.Records)
	}
	s, _ = reopen(t, s2)
	wantRecords(t, loadAll(t, s), src.all())
	closeStore(t, s)
	wantSound(t, path)
}

// TestNewFileOnAFullDisk: a database that could not be made is made once there
// is room.
func TestNewFileOnAFullDisk(t *testing.T) {
	for _, room := range []int{0, 1, 2, 3, 5, 8, 9, 10, 11} {
		dir := smallDisk(t, 1<<20)
		path, ballast := filepath.Join(dir, "test.db"), filepath.Join(dir, "ballast")
		write(t, path, nil)
		fill(t, ballast)
		info, err := os.Stat(ballast)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(ballast, info.Size()-int64(room)*int64(os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, zerolog.Nop())
		if err == nil {
			t.Logf("%d pages are room enough", room)
			closeStore(t, s)
		} else if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d pages: error %v, want no space with the path", room, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if all := loadAll(t, openStore(t, path)); len(all) != 0 {
			t.Errorf("%d records", len(all))
		}
	}
}

// TestOpenWaitsForARestore: a daemon that waited for the lock while the file
// was replaced does not go on with the file that is gone.
func TestOpenWaitsForARestore(t *testing.T) {
	in, all := filledFile(t)
	path, _ := present(t)
	f, _, err := lockAt(path)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	s := &Store{path: path}
	go func() { opened <- s.open() }()
	waitForOpen(t, path, 2)
	write(t, path+".new", read(t, in))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	again, err := Open(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, loadAll(t, again), all)
	closeStore(t, again)
}
