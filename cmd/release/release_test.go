package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
)

// root is the project's folder.
var root = filepath.Join("..", "..")

// scratch is a folder that is there as long as the tests run.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "keeptrack-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// checkout makes a repository of one commit with the project's files as they are. Its
// commit is the same wherever and whenever it is made.
func checkout(t *testing.T, dir string) {
	t.Helper()
	r := newRepository(t, dir)
	files, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // it is about to be removed from the repository
			continue
		}
		to := filepath.Join(dir, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.git("add", ".")
	r.git("commit", "-q", "-m", "Release it")
}

// makeRelease runs `make release` in a repository under an environment and a umask, and
// returns the folder with what it made.
func makeRelease(t *testing.T, dir, platforms, umask string, env ...string) string {
	t.Helper()
	testenv.NeedProgram(t, "make")
	cmd := exec.Command("sh", "-c", "umask "+umask+" && exec make release PLATFORMS='"+platforms+"'")
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"SOURCE_DATE_EPOCH="}, env)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
	return filepath.Join(dir, "dist")
}

// onHost is the platform whose packages and images can be tried here.
var onHost = "linux/" + runtime.GOARCH

// built is the release of the project as it is, which the tests make once: for the host,
// and in the long form for all platforms.
var built struct {
	sync.Once
	dist string
}

// dist returns the folder with a release.
func dist(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		testenv.Need(t, "try packages and images", fmt.Errorf("this is %s", runtime.GOOS))
	}
	built.Do(func() {
		dir := filepath.Join(scratch, "first")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		checkout(t, dir)
		platforms := testenv.Pick(onHost, strings.Join(allPlatforms, " "))
		built.dist = makeRelease(t, dir, platforms, "077", "TZ=UTC", "GOFLAGS=")
	})
	if built.dist == "" {
		t.Fatal("there is no release")
	}
	return built.dist
}

// oneFile returns the path of the one file of a release that matches a pattern.
func oneFile(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// TestSameCommitSameBytes builds a commit twice, elsewhere and under other settings. The
// long form shares no cache between the two.
func TestSameCommitSameBytes(t *testing.T) {
	first := dist(t)
	dir := t.TempDir()
	checkout(t, dir)
	env := []string{"TZ=Asia/Tokyo", "LC_ALL=C", "GOFLAGS=-gcflags=-N", "HOSTNAME=elsewhere"}
	if testenv.Long() {
		env = append(env, "GOCACHE="+t.TempDir())
	}
	second := makeRelease(t, dir, onHost, "002", env...)
	names := fileNames(t, second)
	if len(names) < 7 {
		t.Errorf("a release is %q", names)
	}
	for _, name := range names {
		if name == "SHA256SUMS" { // the first is of more platforms
			continue
		}
		if a, b := sumOf(t, filepath.Join(first, name)), sumOf(t, filepath.Join(second, name)); a != b {
			t.Errorf("%s has the checksums %s and %s", name, a, b)
		}
	}
}

func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// TestSums: SHA256SUMS has all files of a release.
func TestSums(t *testing.T) {
	var want strings.Builder
	for _, name := range fileNames(t, dist(t)) {
		if name != "SHA256SUMS" {
			fmt.Fprintf(&want, "%s  %s\n", sumOf(t, filepath.Join(dist(t), name)), name)
		}
	}
	got, err := os.ReadFile(filepath.Join(dist(t), "SHA256SUMS"))
	if err != nil || string(got) != want.String() {
		t.Errorf("SHA256SUMS has\n%s\nwant\n%s (%v)", got, &want, err)
	}
}

// TestInstallNamesWhatIsMade: docs/install.md names all files of a release, and no others.
func TestInstallNamesWhatIsMade(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(text), "\n## ")
	files, named := fileNames(t, dist(t)), map[string]bool{}
	variable := regexp.MustCompile(`…|VERSION|OS|ARCH`)
	other := regexp.MustCompile(map[string]string{"amd64": "arm64|aarch64", "arm64": "amd64|x86_64|image.tar"}[runtime.GOARCH])
	for _, m := range regexp.MustCompile("`(keeptrack[-_][^` ]+|[….][^` ]+)`").FindAllStringSubmatch(table, -1) {
		fits := regexp.MustCompile("^" + variable.ReplaceAllString(regexp.QuoteMeta(m[1]), `.+`) + "$")
		if m[1][0] == '.' {
			fits = regexp.MustCompile(regexp.QuoteMeta(m[1]) + "$")
		}
		found := false
		for _, file := range files {
			if fits.MatchString(file) {
				found, named[file] = true, true
			}
		}
		if !found && (testenv.Long() || !other.MatchString(m[1])) {
			t.Errorf("docs/install.md names %s, a release has %q", m[1], files)
		}
	}
	for _, file := range files {
		if !named[file] && file != "SHA256SUMS" {
			t.Errorf("docs/install.md does not name %s", file)
		}
	}
}

// TestBinary: the binary of a release knows its version, which is never "devel", and its
// list of contents is what it prints itself, and the commit.
func TestBinary(t *testing.T) {
	path := oneFile(t, "keeptrack-linux-"+runtime.GOARCH)
	out, err := exec.Command(path, "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "keeptrack v0.1.0+20260102030405.") || strings.Contains(string(out), "dirty") {
		t.Errorf("%s, %v", out, err)
	}
	printed, err := exec.Command(path, "version", "--sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(written), `"name": "go:build:vcs.revision"`) {
		t.Errorf("the list of contents has no commit:\n%s", written)
	}
	for line := range strings.Lines(string(printed)) {
		line = strings.TrimRight(line, ",\n") // the commit comes last in a list
		if !strings.Contains(string(written), line) {
			t.Errorf("the list of contents lacks %s", line)
		}
	}
}

// TestChangelogHasVersions: the changelog goes back to the first version.
func TestChangelogHasVersions(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(headings) == 0 || "v"+headings[len(headings)-1][1] != firstVersion {
		t.Errorf("CHANGELOG.md has the versions %q", headings)
	}
}

// TestOutIsNotOverwritten: a release takes a folder of its own.
func TestOutIsNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := release{root: root, out: dir}
	if err := r.build(t.Context(), []string{onHost}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("%v", err)
	}
}

func TestPlatforms(t *testing.T) {
	for _, text := range []string{"linux", "linux/", "/amd64", ""} {
		if p, err := parsePlatform(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

// waitFor waits until something is so, and fails if that takes too long.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(harness.Patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
