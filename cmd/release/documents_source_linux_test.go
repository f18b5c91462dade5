package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
)

// commandsFor returns the commands that a test is to run.
func commandsFor(t *testing.T, test string) (all []command) {
	t.Helper()
	for _, document := range documentNames(t) {
		commands, _ := commandsOf(t, document)
		for _, c := range commands {
			if where(c) == test {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("the documents have no command for %s", test)
	}
	return all
}

// linesOf returns the commands of a block without remarks and what comes before and after.
func linesOf(c command) (lines []string) {
	for line := range strings.Lines(c.text) {
		line, _, _ = strings.Cut(line, "  #")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// TestTheREADMEsSource gets the source as README says, from here instead of from the
// address there, and builds and runs it in a network of its own, where the ports are free.
func TestTheREADMEsSource(t *testing.T) {
	testenv.NeedNamespaces(t)
	from, dir := filepath.Dir(dist(t)), t.TempDir()
	namespace := fmt.Sprintf("keeptrack-test-%d", os.Getpid())
	run := func(line string) *exec.Cmd {
		cmd := exec.Command("ip", "netns", "exec", namespace, "sh", "-c", line)
		cmd.Dir = dir
		// What the release is built with, so that it is not compiled once more.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+from+".insteadOf", "GIT_CONFIG_VALUE_0=https://git.example.org/keeptrack.git")
		return cmd
	}
	do := func(line string) {
		t.Helper()
		if out, err := run(line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	if out, err := exec.Command("ip", "netns", "add", namespace).CombinedOutput(); err != nil {
		testenv.Need(t, "make network namespaces", fmt.Errorf("%w: %s", err, out))
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", namespace).Run() })
	do("ip link set lo up")
	for _, c := range commandsFor(t, "TestTheREADMEsSource") {
		for _, line := range linesOf(c) {
			if folder, ok := strings.CutPrefix(line, "cd "); ok {
				dir = filepath.Join(dir, folder)
			} else if strings.HasPrefix(line, "go test ") {
				checkGo(t, command{c.document, c.section, c.line, line, false}) // that would run this test once more
			} else if strings.HasSuffix(line, " serve") {
				serveUntilInterrupt(t, run("exec "+line), func() bool { return run(oneFile(t, "keeptrack-linux-"+runtime.GOARCH)+" health --ready").Run() == nil })
			} else {
				do(line)
			}
		}
	}
	for _, name := range []string{"keeptrack", "keeptrack.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// serveUntilInterrupt runs the tracker as in a terminal until it is ready, where Ctrl-C
// reaches all processes of the line.
func serveUntilInterrupt(t *testing.T, cmd *exec.Cmd, ready func() bool) {
	t.Helper()
	var log strings.Builder
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	waitFor(t, "the tracker to be ready", ready)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait() // of go run, which fails once it was interrupted
	if !strings.Contains(log.String(), `"message":"stopped"`) {
		t.Errorf("after Ctrl-C: %v\n%s", err, &log)
	}
}

// TestDocumentsMakeWhatThereIs: make knows each target that the documents name, with a line
// in its help. What the targets do, .ci/run does; `make release` is run for the packages.
func TestDocumentsMakeWhatThereIs(t *testing.T) {
	testenv.NeedProgram(t, "make")
	help, err := output(exec.Command("make", "-C", root, "help"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commandsFor(t, "TestDocumentsMakeWhatThereIs") {
		cmd := exec.Command("sh", "-c", "make --dry-run "+strings.TrimPrefix(c.text, "make "))
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%v\n%s\nof %s", err, out, c)
		}
		target := strings.Fields(c.text)[1]
		if target != "help" && !regexp.MustCompile(`(?m)^`+target+` `).Match(help) {
			t.Errorf("make help has no %s, as %s", target, c)
		}
	}
}

// TestDocumentsTestWhatThereIs: the tests, benchmarks, fuzz targets and flags that the
// documents name exist. Most take minutes or hours; what they do briefly, .ci/run does.
func TestDocumentsTestWhatThereIs(t *testing.T) {
	for _, c := range commandsFor(t, "TestDocumentsTestWhatThereIs") {
		checkGo(t, c)
	}
}

// checkGo checks a command that builds or tests the source, or several in a block.
func checkGo(t *testing.T, c command) {
	t.Helper()
	for _, line := range linesOf(c) {
		line, _, _ = strings.Cut(line, " > ")
		var words []string
		for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
			words = append(words, strings.Trim(word, "'"))
		}
		var err error
		switch {
		case words[0] == ".ci/fuzz":
			if len(words) > 2 {
				err = haveTest(goFiles(t, "./..."), words[2], "Fuzz")
			}
		case slices.Equal(words[:2], []string{"go", "test"}):
			err = checkGoTest(t, words[2:])
		case slices.Equal(words[:2], []string{"go", "run"}):
			err = haveFlags(goFiles(t, words[2]), words[3:])
		case slices.Equal(words[:2], []string{"go", "vet"}) && len(words) == 2: // the name alone
		default: // such as go doc and benchstat, which take what the lines before have made
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Dir = root
			cmd.Env = append(os.Environ(), "GOFLAGS=") // those of the tests would build the tool once more
			for i, word := range words {
				if strings.HasSuffix(word, ".txt") {
					cmd.Args[i] = filepath.Join(t.TempDir(), word)
					if err := os.WriteFile(cmd.Args[i], []byte("BenchmarkAnnounce 1000 250 ns/op\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			_, err = output(cmd)
		}
		if err != nil {
			t.Errorf("%v, of %s", err, c)
		}
	}
}

// checkGoTest checks the arguments of go test.
func checkGoTest(t *testing.T, args []string) error {
	t.Helper()
	files := goFiles(t, args[slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "./") })])
	var own []string
	for i, arg := range args {
		var err error
		switch arg {
		case "-race", "-v", "-count":
		case "-run":
			err = haveTest(files, args[i+1], "Test")
		case "-bench":
			err = haveTest(files, args[i+1], "Benchmark")
		default:
			own = append(own, arg)
		}
		if err != nil {
			return err
		}
	}
	return haveFlags(files+goFiles(t, "./cmd/testenv"), own)
}

// goFiles returns the source of a package, or of all of them.
func goFiles(t *testing.T, name string) string {
	t.Helper()
	folder := ":(glob)" + filepath.ToSlash(filepath.Clean(name)) + "/*.go"
	if name == "./..." {
		folder = "*.go"
	}
	out, err := output(exec.Command("git", "-C", root, "grep", "--untracked", "-hE", `^func |"`, "--", folder))
	if err != nil {
		t.Errorf("%s has no source: %v", name, err)
	}
	return string(out)
}

// haveTest looks for a test, a benchmark or a fuzz target that a pattern of go test names.
func haveTest(source, pattern, kind string) error {
	first, _, _ := strings.Cut(pattern, "/")
	wanted, err := regexp.Compile(first)
	if err != nil || pattern == "^$" {
		return err
	}
	for _, m := range regexp.MustCompile(`(?m)^func (`+kind+`\w+)\(`).FindAllStringSubmatch(source, -1) {
		if wanted.MatchString(m[1]) {
			return nil
		}
	}
	return fmt.Errorf("no %s is called %s", kind, pattern)
}

// haveFlags looks for the declarations of flags.
func haveFlags(source string, args []string) error {
	for _, arg := range args {
		name := strings.TrimLeft(arg, "-")
		if name != arg && !regexp.MustCompile(`[fF]lags?\.\w+\((?:\S+, )?"`+name+`"`).MatchString(source) {
			return fmt.Errorf("there is no flag %s", arg)
		}
	}
	return nil
}

// TestDocumentsForwardPorts has ssh read, and not run, what forwards a port.
func TestDocumentsForwardPorts(t *testing.T) {
	testenv.NeedProgram(t, "ssh")
	for _, c := range commandsFor(t, forwarded) {
		out, err := output(exec.Command("ssh", append([]string{"-G", "-F", "none"}, strings.Fields(c.text)[1:]...)...))
		if err != nil || !strings.Contains(string(out), "\nlocalforward 6970 ") {
			t.Errorf("%v\n%s\nof %s", err, out, c)
		}
	}
}

// engineFlags are the flags of container engines that the documents use, and whether they
// take a value.
var engineFlags = map[string]bool{
	"-d": false, "--name": true, "--network": true, "-v": true, "--stop-timeout": true, "--restart": true, "-i": true, "-f": true,
}

// TestDocumentsRunTheImage: what the documents have an engine do fits the image of a
// release: its file, its name, its volume, and the commands in it, which are run.
func TestDocumentsRunTheImage(t *testing.T) {
	image := oneFile(t, "keeptrack-image.tar")
	c := newContainer(t, image)
	c.start()
	defer c.stop()
	var container string
	for _, command := range commandsFor(t, noEngine) {
		for _, line := range linesOf(command) {
			var words []string
			flags := map[string]string{}
			all := strings.Fields(line)
			for i := 2; i < len(all); i++ {
				if value, known := engineFlags[all[i]]; !known && strings.HasPrefix(all[i], "-") {
					t.Errorf("this test does not know %s, of %s", all[i], command)
				} else if value {
					flags[all[i]] = all[i+1]
					i++
				} else if !known {
					words = append(words, all[i:]...)
					break
				}
			}
			switch all[1] {
			case "load":
				if flags["-i"] != filepath.Base(image) {
					t.Errorf("a release has no %s, as %s", flags["-i"], command)
				}
			case "run":
				container = flags["--name"]
				_, volume, _ := strings.Cut(flags["-v"], ":")
				if _, has := c.config.Config.Volumes[volume]; !has || len(words) != 1 || words[0]+":latest" != nameOf(t, image) {
					t.Errorf("the image is %s, with the volumes %v, as %s", nameOf(t, image), c.config.Config.Volumes, command)
				}
			case "exec":
				if words[0] != container {
					t.Errorf("there is no container %s, as %s", words[0], command)
				}
				c.exec(words[1:]...)
			case "build": // TestContainerfile reads it
				if _, err := os.Stat(filepath.Join(root, flags["-f"])); err != nil {
					t.Error(err)
				}
			case "compose": // TestCompose reads it
			default:
				t.Errorf("this test does not know %s", command)
			}
		}
	}
}

// nameOf returns the name that an image is loaded by.
func nameOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`"RepoTags": ?\[\s*"([^"]+)"`).FindSubmatch(data)
	if m == nil {
		t.Fatalf("%s has no name", path)
	}
	return string(m[1])
}
