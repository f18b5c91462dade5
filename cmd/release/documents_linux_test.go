package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keeptrack/cmd/internal/config"
)

// command is what a document has its reader type: the lines of a block, or code in a line
// of text.
type command struct {
	document, section string
	line              int // the first of it
	text              string
	block             bool
}

func (c command) String() string {
	return fmt.Sprintf("%s:%d, in %q:\n%s", c.document, c.line, c.section, strings.TrimRight(c.text, "\n"))
}

// documentNames returns the documents whose commands a reader may type.
func documentNames(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("docs has %q, %v", paths, err)
	}
	for _, path := range paths {
		names = append(names, "docs/"+filepath.Base(path))
	}
	return names
}

// languages are those of fenced blocks. Other tests load the configs and compare what is
// printed.
var languages = map[string]bool{"sh": true, "toml": false, "yaml": false, "mermaid": false, "": false}

var (
	heading  = regexp.MustCompile(`^#+ (.*)`)
	codeSpan = regexp.MustCompile("`([^`]+)`")
	setting  = regexp.MustCompile(`^ +\w+ += `)
)

// commandsOf returns the commands of a document in their order, and what its indented blocks
// have as settings of a config.
func commandsOf(t *testing.T, document string) (commands, settings []command) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	var section, paragraph string
	var open *command // the block that goes on
	keep, fenced, blank := false, false, true
	end := func(line int) {
		switch {
		case open == nil:
		case setting.MatchString(open.text):
			settings = append(settings, *open)
		case keep:
			commands = append(commands, *open)
		}
		for _, m := range codeSpan.FindAllStringSubmatchIndex(paragraph, -1) {
			code := strings.Join(strings.Fields(paragraph[m[2]:m[3]]), " ")
			if isCommand(code) {
				commands = append(commands, command{document, section, line - strings.Count(paragraph[m[2]:], "\n"), code, false})
			}
		}
		open, paragraph = nil, ""
	}
	for i, line := range strings.Split(string(text), "\n") {
		here := command{document: document, section: section, line: i + 1, block: true}
		trimmed := strings.TrimSpace(line)
		language, fence := strings.CutPrefix(trimmed, "```")
		indented := strings.HasPrefix(line, "    ") && trimmed != ""
		switch {
		case fence && fenced:
			fenced = false
			end(i)
		case fence:
			end(i)
			isShell, known := languages[language]
			if !known {
				t.Errorf("%s:%d: no test knows blocks of %q", document, i+1, language)
			}
			here.line++
			keep, fenced, open = isShell, true, &here
		case fenced, indented && open != nil:
			open.text += line + "\n"
		case indented && blank:
			end(i)
			keep, open, here.text = true, &here, line+"\n"
		case heading.MatchString(line):
			end(i)
			section = heading.FindStringSubmatch(line)[1]
		case trimmed == "":
			end(i)
		default:
			if open != nil {
				end(i)
			}
			paragraph += line + "\n"
		}
		blank = trimmed == ""
	}
	end(strings.Count(string(text), "\n"))
	return commands, settings
}

// programs are those that the documents have in lines of text, here or not. Others are
// known by being on this machine.
var programs = strings.Fields("apt curl dnf docker go grep journalctl keeptrack kill make openssl podman promtool sha256sum ssh sysctl systemctl")

// isCommand reports whether code in a line of text begins with a program and has arguments.
func isCommand(code string) bool {
	word, arguments, _ := strings.Cut(code, " ")
	if arguments == "" {
		return false
	}
	if strings.HasPrefix(word, ".ci/") || slices.Contains(programs, word) {
		return true
	}
	_, err := exec.LookPath(word)
	return err == nil && !strings.Contains(word, "/")
}

// place says where commands are run: those of a document, or of "document#section", that
// begin as only, a regular expression, says.
type place struct {
	in, only string
}

func (p place) has(c command) bool {
	document, section, one := strings.Cut(p.in, "#")
	return (document == "" || document == c.document) && (!one || section == c.section) &&
		regexp.MustCompile(`^ *(?:`+p.only+`)`).MatchString(c.text)
}

// elsewhere are the commands that tests of their own run or check.
var elsewhere = []struct {
	place
	test string
}{
	{place{"README.md#Try it", ""}, "TestTheREADMEsFirstTry"},
	{place{"README.md#Instances in several clouds", ""}, "TestTheREADMEsClouds"},
	{place{"README.md#Get it", "git clone "}, "TestTheREADMEsSource"},
	{place{"docs/cluster.md#On one network: multicast", `\(umask `}, "TestTheKeyReachesAllHosts"},
	{place{"docs/cluster.md#Between clouds and sites: unicast", `\(umask `}, "TestTheKeyReachesAllHosts"},
	{place{"docs/cluster.md#Three sites with a NATS server each", "umask "}, "TestExactOverEachTransport"},
	{place{"docs/cluster.md#Several instances on one host", ""}, "TestTwoInstancesOnOneHost"},
	{place{"docs/operate.md", "promtool test rules"}, "TestAlertRules"},
	{place{"docs/install.md#From source", "go build "}, "TestTheREADMEsSource"},
	{place{"", "make "}, "TestDocumentsMakeWhatThereIs"},
	{place{"", `go (test|doc|vet)\b`}, "TestDocumentsTestWhatThereIs"},
	{place{"", `go run \./cmd/crashtest `}, "TestDocumentsTestWhatThereIs"},
	{place{"", `\.ci/fuzz `}, "TestDocumentsTestWhatThereIs"},
	{place{"docs/performance.md", `taskset |keeptrack bench\b`}, "TestDocumentsShowCommandsThatExist"},
	{place{"", `keeptrack bench\b`}, "TestDocumentsShowCommandsThatExist"},
}

const (
	noEngine  = "there is no engine: TestDocumentsRunTheImage, TestContainerfile and TestCompose look at what it would do"
	forwarded = "there is nobody to log in to: TestDocumentsForwardPorts has ssh read it"
)

// notRun are the commands that cannot be run here, with the reason.
var notRun = []struct {
	place
	reason string
}{
	{place{"", "(docker|podman) "}, noEngine},
	{place{"", "dnf "}, "it needs a Fedora: TestPackages has rpm install, upgrade and remove the same file"},
	{place{"", "ssh -L "}, forwarded},
	{place{"docs/performance.md", "curl -o cmd/keeptrack/default.pgo "}, "a profile of 25 s under load; the route is tested"},
}

// toolsOfDocuments are what the documents take for granted on a Debian.
var toolsOfDocuments = []string{"curl", "iproute2", "jq", "nftables", "openssl", "procps", "sqlite3", "systemd"}

// inSession is the test that follows session.
const inSession = "TestPackages/documents"

// commandName is the name of a command that a document talks of, without arguments.
var commandName = regexp.MustCompile(`^keeptrack( [a-z]+)+$|^systemctl [a-z]+$`)

// where returns who knows a command, or nothing.
func where(c command) string {
	for _, r := range elsewhere {
		if r.has(c) {
			return r.test
		}
	}
	for _, r := range notRun {
		if r.has(c) {
			return r.reason
		}
	}
	if slices.ContainsFunc(session, func(s stage) bool { return s.has(c) }) {
		return inSession
	}
	if !c.block && commandName.MatchString(c.text) {
		return "TestDocumentsShowCommandsThatExist"
	}
	return ""
}

// TestDocumentsCommandsAreKnown: each command in a document is run by a test, or is listed
// with the reason why it is not. Settings in indented blocks are a config.
func TestDocumentsCommandsAreKnown(t *testing.T) {
	known := map[string]bool{}
	for _, document := range documentNames(t) {
		commands, settings := commandsOf(t, document)
		for _, c := range commands {
			who := where(c)
			if known[who] = true; who == "" {
				t.Errorf("no test runs this command. Name a test in `elsewhere`, a stage in `session`, or why it cannot be run in `notRun`:\n%s", c)
			}
		}
		for _, s := range settings {
			if _, err := config.Parse(document, []byte("[livesync]\n"+s.text)); err != nil {
				t.Errorf("%v in %s", err, s)
			}
		}
	}
	for _, r := range elsewhere {
		if !known[r.test] {
			t.Errorf("no document has what %s is to run", r.test)
		}
		if out, err := exec.Command("git", "-C", root, "grep", "--untracked", "-q", "^func "+r.test+"(", "--", "cmd/*_test.go").CombinedOutput(); err != nil {
			t.Errorf("there is no %s: %v %s", r.test, err, out)
		}
	}
	for _, r := range notRun {
		if !known[r.reason] {
			t.Errorf("no document has %q", r.only)
		}
	}
}
