package memory

import (
	"errors"
	"runtime"
	"testing"
	"testing/fstest"
)

// host is a file system with the given files.
func host(files map[string]string) fstest.MapFS {
	root := make(fstest.MapFS)
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	mountV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n" +
		"36 31 0:33 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
)

func TestFind(t *testing.T) {
	const ram = 16 << 30
	for _, c := range []struct {
		name  string
		ram   uint64
		files map[string]string
		want  Limit
	}{
		{"no control groups", ram, nil, Limit{ram, sourceRAM}},
		{"version 2 without limits", ram, map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/system.slice/keeptrack.service\n",
			"sys/fs/cgroup/system.slice/keeptrack.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max":                   "max\n",
		}, Limit{ram, sourceRAM}},
		{"version 2, the unit's own", ram, map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/system.slice/keeptrack.service\n",
			"sys/fs/cgroup/system.slice/keeptrack.service/memory.max": "1073741824\n",
			"sys/fs/cgroup/system.slice/memory.max":                   "2147483648\n",
		}, Limit{1 << 30, "/sys/fs/cgroup/system.slice/keeptrack.service/memory.max"}},
		{"version 2, a parent's", ram, map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/a/b/c\n",
			"sys/fs/cgroup/a/b/c/memory.max": "4294967296\n",
			"sys/fs/cgroup/a/memory.max":     "536870912\n",
		}, Limit{512 << 20, "/sys/fs/cgroup/a/memory.max"}},
		{"version 2 in a container", ram, map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, Limit{256 << 20, "/sys/fs/cgroup/memory.max"}},
		{"version 2, a container that sees its path from outside", ram, map[string]string{
			"proc/self/mountinfo":      "30 23 0:26 /docker/0a /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"proc/self/cgroup":         "0::/docker/0a\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, Limit{256 << 20, "/sys/fs/cgroup/memory.max"}},
		{"version 2, a mount of a sibling's name", ram, map[string]string{
			"proc/self/mountinfo":      "30 23 0:26 /docker/0 /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"proc/self/cgroup":         "0::/docker/0a/x\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, Limit{256 << 20, "/sys/fs/cgroup/memory.max"}},
		{"version 1", ram, map[string]string{
			"proc/self/mountinfo": mountV1, "proc/self/cgroup": "4:memory:/jobs/1\n3:cpu,cpuacct:/jobs/1\n0::/\n",
			"sys/fs/cgroup/memory/jobs/1/memory.limit_in_bytes": "134217728\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":        "9223372036854771712\n",
		}, Limit{128 << 20, "/sys/fs/cgroup/memory/jobs/1/memory.limit_in_bytes"}},
		{"version 1 without a limit", ram, map[string]string{
			"proc/self/mountinfo": mountV1, "proc/self/cgroup": "4:cpu,memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, Limit{ram, sourceRAM}},
		{"both versions", ram, map[string]string{
			"proc/self/mountinfo":                          mountV1 + "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"proc/self/cgroup":                             "4:memory:/a\n0::/b\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "536870912\n",
			"sys/fs/cgroup/unified/b/memory.max":           "268435456\n",
		}, Limit{256 << 20, "/sys/fs/cgroup/unified/b/memory.max"}},
		{"a mount point with white space", ram, map[string]string{
			"proc/self/mountinfo": "30 23 0:26 / /c\\040g rw - cgroup2 cgroup2 rw\n", "proc/self/cgroup": "0::/\n",
			"c g/memory.max": "1048576\n",
		}, Limit{1 << 20, "/c g/memory.max"}},
		{"lines that are none", ram, map[string]string{
			"proc/self/mountinfo": "x\n - cgroup2 a b\n1 2 3 4 - cgroup2\n", "proc/self/cgroup": "0\n:\n::\n0::\n",
		}, Limit{ram, sourceRAM}},
		{"the group alone is known", 0, map[string]string{
			"proc/self/mountinfo": mountV2, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, Limit{256 << 20, "/sys/fs/cgroup/memory.max"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := find(host(c.files), c.ram); err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	if _, err := find(host(nil), 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("nothing is known: %v", err)
	}
}

// TestThisHost holds that the limit is found where it is to be found.
func TestThisHost(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no promise for this system") //nolint:forbidigo // nothing is missing: other systems have no such limit
	}
	l, err := Find()
	if err != nil || l.Bytes < 16<<20 || l.Bytes > 1<<50 || l.Source == "" {
		t.Errorf("%+v, %v", l, err)
	}
}

// FuzzFind: whatever the files hold, the limit is at most the host's memory.
func FuzzFind(f *testing.F) {
	f.Add(mountV2, "0::/a/b\n", "1073741824\n")
	f.Add(mountV1, "4:memory:/\n", "9223372036854771712\n")
	f.Add("30 23 0:26 /\\134x /s\\ - cgroup2 c rw\n", "0::/../..\n", "max\n")
	f.Fuzz(func(t *testing.T, mounts, groups, limit string) {
		root := host(map[string]string{
			"proc/self/mountinfo": mounts, "proc/self/cgroup": groups,
			"sys/fs/cgroup/memory.max": limit, "sys/fs/cgroup/memory/memory.limit_in_bytes": limit,
		})
		const ram = 16 << 30
		if l, err := find(root, ram); err != nil || l.Bytes > ram || l.Source == "" {
			t.Errorf("%+v, %v", l, err)
		}
	})
}
