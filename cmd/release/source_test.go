package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
)

// repository is a git repository for a test.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T, dir string) *repository {
	t.Helper()
	testenv.NeedProgram(t, "git")
	r := &repository{t, dir}
	r.git("init", "-q")
	return r
}

// git runs git as somebody and at a time that are always the same.
func (r *repository) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=Test", "-c", "user.email=test@example.org"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// write writes a file, which is not committed yet.
func (r *repository) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) commit(text string) {
	r.t.Helper()
	r.write("file", text)
	r.git("add", ".")
	r.git("commit", "-q", "-m", "Change it")
}

// version returns what the checkout is called, with COMMIT for its id.
func (r *repository) version() string {
	r.t.Helper()
	s, err := describe(r.t.Context(), r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(s.commit) != 40 {
		r.t.Errorf("the commit is %q", s.commit)
	}
	return strings.ReplaceAll(s.version, s.commit[:12], "COMMIT")
}

func TestDescribe(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	r := newRepository(t, t.TempDir())
	want := func(want string) {
		t.Helper()
		if got := r.version(); got != want {
			t.Errorf("the version is %q, want %q", got, want)
		}
	}
	r.commit("1")
	r.git("tag", "nightly")
	want("v0.1.0+20260102030405.COMMIT")
	r.git("tag", "v0.1.0")
	want("v0.1.0")
	r.write("file", "2")
	want("v0.1.0+20260102030405.COMMIT.dirty")
	r.commit("2")
	want("v0.1.0+20260102030405.COMMIT")
	r.git("tag", "-a", "-m", "Release", "v0.2.0-rc.1")
	want("v0.2.0-rc.1")
	t.Setenv("SOURCE_DATE_EPOCH", "0")
	r.commit("3")
	want("v0.2.0-rc.1+19700101000000.COMMIT")
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if s, err := describe(t.Context(), r.dir); err == nil {
		t.Errorf("an epoch that is no number: %+v", s)
	}
}

func TestUnchanged(t *testing.T) {
	r := newRepository(t, t.TempDir())
	r.commit("1")
	s, err := describe(t.Context(), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.unchanged(t.Context(), r.dir); err != nil {
		t.Error(err)
	}
	r.commit("2")
	if err := s.unchanged(t.Context(), r.dir); err == nil {
		t.Error("another commit goes unnoticed")
	}
}

func TestDescribeWithoutRepository(t *testing.T) {
	testenv.NeedProgram(t, "git")
	if s, err := describe(t.Context(), t.TempDir()); err == nil {
		t.Errorf("%+v", s)
	}
}
