package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is the number of links from which on a path is taken for a loop, as
// on Linux.
const maxLinks = 40

var errDangling = errors.New("is a symbolic link to a file that does not exist")

// walker follows a path, component by component, each time in the folder that
// the last one has opened: what is renamed meanwhile leads nowhere else.
type walker struct {
	dir  *os.File // where it has come to
	at   string   // the path of dir, without links where it had any
	rest []string // the components still to be followed

	links  int  // that were followed
	linked bool // one of them was the path's last component
	// chosenBy are the users, other than root and the process's, who can choose
	// where the path leads by a link in it.
	chosenBy []uint32
}

// node is what a name in a folder stands for.
type node struct {
	link   bool
	target string   // of a link
	owner  uint32   // user
	dir    *os.File // nil unless it is a folder
}

// walk follows a path to its end. The walker is at the folder of the place then,
// or after an error where that has come up.
func walk(path string) (*Place, *walker, error) {
	w := &walker{rest: components(path)}
	err := w.start(path)
	var name string
	for name == "" && err == nil {
		name, err = w.step()
	}
	if err != nil {
		_ = w.dir.Close() // was only looked into
		return nil, w, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Place{dir: w.dir, name: name, path: filepath.Join(w.at, name)}, w, nil
}

// start goes to the folder in which a path starts.
func (w *walker) start(path string) error {
	w.at = "."
	if path == "" {
		return unix.ENOENT
	}
	if path[0] == '/' {
		w.at = "/"
	}
	fd, err := unix.Open(w.at, folderFlags, 0)
	if err != nil {
		return err
	}
	w.enter(os.NewFile(uintptr(fd), w.at))
	return nil
}

// enter goes to another folder.
func (w *walker) enter(dir *os.File) {
	if w.dir != nil {
		_ = w.dir.Close() // was only looked into
	}
	w.dir = dir
}

// step follows the next component. At the end of the path it returns the name
// there, which need not stand for anything.
func (w *walker) step() (end string, err error) {
	name := w.rest[0]
	w.rest = w.rest[1:]
	last := len(w.rest) == 0
	n, err := look(w.dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && w.linked:
		return "", errDangling
	case errors.Is(err, fs.ErrNotExist) && last:
		return name, nil
	case err != nil:
		return "", err
	case n.link:
		w.linked = w.linked || last
		return "", w.follow(n)
	case n.dir != nil && !last:
		w.enter(n.dir)
		w.at = filepath.Join(w.at, name)
		return "", nil
	case n.dir != nil:
		_ = n.dir.Close() // Open says that it is no file
	case !last:
		return "", unix.ENOTDIR
	}
	return name, nil
}

// follow follows a link in the folder where the walker is.
func (w *walker) follow(link node) error {
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	w.choose(link.owner)
	if os.Geteuid() == 0 {
		owner, err := OwnerOf(w.dir)
		if err != nil {
			return err
		}
		w.choose(owner.UID) // may have renamed the link
	}
	w.rest = append(components(link.target), w.rest...)
	if strings.HasPrefix(link.target, "/") {
		return w.start(link.target)
	}
	return nil
}

func (w *walker) choose(uid uint32) {
	if uid != 0 && uid != uint32(os.Geteuid()) && !slices.Contains(w.chosenBy, uid) {
		w.chosenBy = append(w.chosenBy, uid)
	}
}

// components returns what of a path is to be walked. What ends with a slash or a
// dot is a folder, and so the last component is a dot then.
func components(path string) []string {
	all := strings.Split(path, "/")
	last := len(all) - 1
	if all[last] == "" {
		all[last] = "."
	}
	skip := func(c string) bool { return c == "" || c == "." }
	return append(slices.DeleteFunc(all[:last:last], skip), all[last])
}
