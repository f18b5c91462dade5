package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"keeptrack/cmd/internal/config"
)

// widestRow is how many characters a row of a table may have.
const widestRow = 200

// TestTablesAreNarrow: no row of a table has more than widestRow characters.
func TestTablesAreNarrow(t *testing.T) {
	for _, name := range documents(t) {
		for i, line := range strings.Split(readText(t, filepath.Join(root, name)), "\n") {
			if n := utf8.RuneCountInString(line); strings.HasPrefix(line, "|") && n > widestRow {
				t.Errorf("%s:%d: a row of %d characters", name, i+1, n)
			}
		}
	}
}

// unplain are phrases that have to be read twice.
var unplain = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
	`as (?:many|much) as may be`,
	`that is none`,
	`is none of`,
	`at the most`,
	`in earnest`,
	`for want of`,
	`no business of`,
	`to be had\b`,
	`cannot be had`,
	`what is (?:refused|lost|there|sent|kept|stored) is \w+`,
	`(?:nobody|none|neither)[^.;:|]*\b(?:nobody|none|neither)`,
	`of which (?:none|nobody)`,
	`says? whether it counts`,
	`is as one that`,
	`has (?:it|them|him) (?:done|work)`,
	`whoever it (?:be|may be)`,
	`(?:that|which|who) is no\b`,
	`makes? no sense`,
	`what (?:comes|came) meanwhile`,
}, "|") + `)`)

// TestDocumentsAreInPlainEnglish keeps the worst phrases out of documents, man pages,
// which have the commands' help, and alerts. It reads paragraphs as a whole, so that a
// phrase may go over the end of a line.
func TestDocumentsAreInPlainEnglish(t *testing.T) {
	all := []string{"config.example.toml", "packaging/prometheus/keeptrack.rules.yml"}
	for _, page := range names(t, manDir) {
		all = append(all, "packaging/man/"+page)
	}
	for _, name := range append(all, documents(t)...) {
		for paragraph := range strings.SplitSeq(readText(t, filepath.Join(root, name)), "\n\n") {
			text := strings.Join(strings.Fields(strings.ReplaceAll(paragraph, "\n# ", "\n")), " ")
			if found := unplain.FindString(text); found != "" {
				t.Errorf("%s: %q", name, found)
			}
		}
	}
}

// TestTextsAreInPlainEnglish keeps them out of strings in the source: log lines, errors,
// help and metrics' help.
func TestTextsAreInPlainEnglish(t *testing.T) {
	read := 0
	for _, path := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			read++
			if found := unplain.FindString(strings.Join(strings.Fields(text), " ")); found != "" {
				t.Errorf("%s: %q in %q", path, found, text)
			}
			return true
		})
	}
	if read < 1000 {
		t.Errorf("%d strings", read)
	}
}

// sources returns the paths of the project's sources in Go, without tests.
func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDocumentsShowCommandsThatExist: each command line of keeptrack that a document
// shows, in a block or in a line of text, names a command and flags that there are. Those
// in blocks have the arguments that the command wants as well.
func TestDocumentsShowCommandsThatExist(t *testing.T) {
	shown := 0
	for _, name := range documents(t) {
		text := readText(t, filepath.Join(root, name))
		for _, line := range commandLines(text) {
			shown++
			if err := parses(line, true); err != nil {
				t.Errorf("%s shows %q: %v", name, line, err)
			}
		}
		for _, line := range matches("`(?:\\./)?(keeptrack [^`\n]+)`", text) {
			shown++
			if err := parses(line, false); err != nil {
				t.Errorf("%s names %q: %v", name, line, err)
			}
		}
	}
	if shown < 50 {
		t.Errorf("the documents show %d commands", shown)
	}
}

// commandLines returns the lines of keeptrack in a document's blocks, fenced and
// indented, from the program's name on.
func commandLines(text string) []string {
	start := regexp.MustCompile(`(?:^|[ ;&|/(])(keeptrack (?:[a-z].*|--.*))$`)
	var lines []string
	for _, line := range blockLines(text) {
		line = strings.Replace(line, "go run ./cmd/keeptrack", "keeptrack", 1)
		line, _, _ = strings.Cut(line, " # ")
		line, _, _ = strings.Cut(line, "  #")
		if m := start.FindStringSubmatch(line); m != nil && isShell(line) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

// isShell reports whether a line of a block is for a shell to run: text that talks of
// keeptrack is not.
func isShell(line string) bool {
	before, _, _ := strings.Cut(line, "keeptrack ")
	return regexp.MustCompile(`^(?:|\./|\S*/|.* )$`).MatchString(before) && !strings.HasPrefix(strings.TrimSpace(line), "#")
}

// blockLines returns the lines of a document's blocks without their indentation.
func blockLines(text string) []string {
	var lines []string
	fenced, inBlock, blank := false, false, true
	for line := range strings.SplitSeq(text, "\n") {
		switch code, indented := strings.CutPrefix(line, "    "); {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		case fenced:
			lines = append(lines, line)
		case indented && (blank || inBlock):
			inBlock = true
			lines = append(lines, strings.TrimSpace(code))
		default:
			inBlock = false
		}
		blank = strings.TrimSpace(line) == ""
	}
	return lines
}

// parses checks a command line of keeptrack as a shell would hand it over, up to a pipe,
// a redirection or another command.
func parses(line string, whole bool) error {
	root := newRootCommand()
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	command, args, err := root.Find(shellWords(line)[1:])
	if err != nil {
		return err
	}
	if !whole && len(args) > 0 && command.HasSubCommands() && !strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("there is no command %q", args[0])
	}
	command.InitDefaultHelpFlag()
	command.InitDefaultVersionFlag()
	if err := command.ParseFlags(args); err != nil {
		return err
	}
	if whole && command.HasParent() {
		return command.ValidateArgs(command.Flags().Args())
	}
	return nil
}

// shellWords splits a line into words: quotes and $(...) keep what is inside together,
// and a process id is a number.
func shellWords(line string) []string {
	word := regexp.MustCompile(`(?:'[^']*'|"[^"]*"|\$\([^)]*\)|[^\s'"|<>;&])+|[|<>;&]`)
	var words []string
	for _, w := range word.FindAllString(strings.ReplaceAll(line, "$!", "1"), -1) {
		if strings.ContainsAny(w[:1], "|<>;&") {
			break
		}
		words = append(words, strings.Trim(w, `'"`))
	}
	return words
}

// TestDocumentsShowConfigsThatParse: what is fenced as TOML is a config.
func TestDocumentsShowConfigsThatParse(t *testing.T) {
	shown := 0
	for _, name := range documents(t) {
		for _, text := range matches("(?ms)^ *```toml\n(.*?)^ *```", readText(t, filepath.Join(root, name))) {
			shown++
			if _, err := config.Parse(name, []byte(text)); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
		}
	}
	if shown < 10 {
		t.Errorf("the documents show %d configs", shown)
	}
}
