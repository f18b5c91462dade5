package safefile

import "golang.org/x/sys/unix"

// target returns what a link says: the one called name in the folder dir, or on
// Linux, with no name, the one that is open as dir.
func target(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	if n == len(buf) {
		return "", unix.ENAMETOOLONG
	}
	return string(buf[:n]), nil
}
