package safefile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
)

func itoa(n uintptr) string { return strconv.FormatUint(uint64(n), 10) }

// TestLinksOfOthers: whose link it is decides, and for root in whose folder.
func TestLinksOfOthers(t *testing.T) {
	testenv.NeedRoot(t)
	for _, c := range []struct {
		name               string
		link, from, to     int // owners of the link, of its folder and of the one it leads to
		followed, becoming bool
	}{
		{"root's", 0, 0, 0, true, true},
		{"root's, to a user's", 0, 0, 7, true, true},
		{"the user's, to his own", 7, 7, 7, false, true},
		{"the user's in root's folder, to his own", 7, 0, 7, false, true},
		{"root's in the user's folder, to his own", 0, 7, 7, false, true},
		{"the user's, to root's", 7, 7, 0, false, false},
		{"the user's in root's folder, to root's", 7, 0, 0, false, false},
		{"root's in the user's folder, to root's", 0, 7, 0, false, false},
		{"the user's, to another's", 7, 7, 8, false, false},
		{"another's in the user's folder, to the user's", 8, 7, 7, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			file, link := filepath.Join(to, "file"), filepath.Join(from, "link")
			if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(file, link),
				os.Lchown(link, c.link, c.link), os.Chown(from, c.from, c.from), os.Chown(to, c.to, c.to)); err != nil {
				t.Fatal(err)
			}
			p, err := Locate(link)
			if (err == nil) != c.followed {
				t.Errorf("Locate: %v", err)
			}
			if err == nil {
				p.Close()
			} else if !strings.Contains(err.Error(), link) {
				t.Errorf("%v does not name the link", err)
			}
			owner, err := FolderOwner(link)
			if (err == nil) != c.becoming || err == nil && owner != (Owner{uint32(c.to), uint32(c.to)}) {
				t.Errorf("FolderOwner: %+v, %v", owner, err)
			}
			f, err := OpenInput(link)
			if (err == nil) != c.followed {
				t.Errorf("OpenInput: %v", err)
			}
			if err == nil {
				f.Close()
			}
		})
	}
}

func TestGive(t *testing.T) {
	testenv.NeedRoot(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := Owner{7, 8}
	if err := want.Give(f); err != nil {
		t.Fatal(err)
	}
	if got, err := OwnerOf(f); err != nil || got != want {
		t.Errorf("owner %+v, %v, want %+v", got, err, want)
	}
}
