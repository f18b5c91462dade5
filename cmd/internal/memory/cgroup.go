package memory

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hierarchy is one hierarchy of control groups that can limit memory.
type hierarchy struct {
	mount string // where it is mounted, without the leading slash
	root  string // the group that is seen there
	file  string // of each group's directory, with its limit
}

// groupLimits returns the limits on memory of the control groups that the process
// is in, those of their parents included; see cgroups(7). What cannot be read
// sets no limit.
func groupLimits(root fs.FS) (limits []Limit) {
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	v1, v2 := membership(string(groups))
	for line := range strings.Lines(string(mounts)) {
		h, isV2, ok := parseMount(line)
		group := v1
		if isV2 {
			group = v2
		}
		if ok && group != "" {
			limits = append(limits, h.limits(root, group)...)
		}
	}
	return limits
}

// membership returns the groups of the process that a /proc/self/cgroup names:
// that of version 1's memory controller and that of version 2. One that is not
// there is empty.
func membership(text string) (v1, v2 string) {
	for line := range strings.Lines(text) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case id == "0" && controllers == "":
			v2 = group
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			v1 = group
		}
	}
	return v1, v2
}

// parseMount reads a line of /proc/self/mountinfo; see proc_pid_mountinfo(5). It
// is ok if the line is a mount of a hierarchy that can limit memory.
func parseMount(line string) (h hierarchy, isV2, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields, tail := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 5 || len(tail) < 3 {
		return h, false, false
	}
	h = hierarchy{mount: strings.TrimPrefix(path.Clean(unescape(fields[4])), "/"), root: unescape(fields[3])}
	switch {
	case tail[0] == "cgroup2":
		h.file = "memory.max"
		return h, true, true
	case tail[0] == "cgroup" && slices.Contains(strings.Split(tail[2], ","), "memory"):
		h.file = "memory.limit_in_bytes"
		return h, false, true
	}
	return h, false, false
}

// limits returns the limits of a group and its parents as far up as they are
// seen. A group that lies outside of what is mounted, as in a container without
// a namespace of its own, is taken to be the one that is.
func (h hierarchy) limits(root fs.FS, group string) (limits []Limit) {
	below, within := strings.CutPrefix(group, strings.TrimSuffix(h.root, "/"))
	if !within || below != "" && below[0] != '/' {
		below = ""
	}
	for at := path.Clean("/" + below); ; at = path.Dir(at) {
		file := path.Join(h.mount, at, h.file)
		text, err := fs.ReadFile(root, file)
		n, bad := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && bad == nil && n > 0 { // version 2 has the word "max" where there is no limit
			limits = append(limits, Limit{Bytes: n, Source: "/" + file})
		}
		if at == "/" {
			return limits
		}
	}
}

// unescape replaces the octal escapes that mountinfo has for white space and
// backslashes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
