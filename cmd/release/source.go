package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// firstVersion is the version of commits that no tag precedes.
const firstVersion = "v0.1.0"

// source is what a release is built from.
type source struct {
	version string    // "v1.2.3", or "v1.2.3+TIME.COMMIT" for commits after that tag
	commit  string    // in full
	time    time.Time // of the commit; what is built has it as its time
}

// describe asks git what is checked out in a folder. A commit with a tag like
// v1.2.3 is that version. Any other is the nearest such tag before it, or
// firstVersion, with the commit's time and id: those sort by time, after their tag
// and before the next. The environment variable SOURCE_DATE_EPOCH, in seconds, takes
// the place of the commit's time.
func describe(ctx context.Context, dir string) (source, error) {
	var s source
	head, err := git(ctx, dir, "log", "-1", "--format=%H %ct")
	if err != nil {
		return s, err
	}
	commit, seconds, _ := strings.Cut(head, " ")
	if v := os.Getenv("SOURCE_DATE_EPOCH"); v != "" {
		seconds = v
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return s, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	s.commit, s.time = commit, time.Unix(n, 0).UTC()
	changes, err := git(ctx, dir, "status", "--porcelain")
	if err != nil {
		return s, err
	}
	tag, err := git(ctx, dir, "describe", "--tags", "--match=v[0-9]*", "--exact-match")
	if err == nil && changes == "" {
		s.version = tag
		return s, nil
	}
	base, err := git(ctx, dir, "describe", "--tags", "--match=v[0-9]*", "--abbrev=0")
	if err != nil {
		base = firstVersion
	}
	s.version = fmt.Sprintf("%s+%s.%.12s", base, s.time.Format("20060102150405"), commit)
	if changes != "" {
		s.version += ".dirty"
	}
	return s, nil
}

// unchanged returns an error if something else is checked out by now: what was built
// is then of no commit.
func (s source) unchanged(ctx context.Context, dir string) error {
	now, err := describe(ctx, dir)
	if err == nil && now != s {
		err = fmt.Errorf("%s became %s during the build", s.version, now.version)
	}
	return err
}

// git returns what a command of git prints.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := output(exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...))
	return strings.TrimSpace(string(out)), err
}

// output runs a command and returns what it prints. Its errors have what it says on
// stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, &stderr)
	}
	return out, err
}
