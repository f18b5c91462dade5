package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// outcome is what a command line gave.
type outcome struct {
	status         int
	stdout, stderr string
}

// keeptrack runs a command line in this process.
func keeptrack(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	status := run(args, &stdout, &stderr)
	return outcome{status, stdout.String(), stderr.String()}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "keeptrack: a command is missing, see keeptrack --help\n"},
		{"no subcommand", []string{"config"}, "keeptrack: a command is missing, see keeptrack config --help\n"},
		{"unknown command", []string{"frobnicate"}, "keeptrack: unknown command \"frobnicate\" for \"keeptrack\", see keeptrack --help\n"},
		{"misspelt command", []string{"confg"}, "keeptrack: unknown command \"confg\" for \"keeptrack\", did you mean config?\n"},
		{"misspelt subcommand", []string{"config", "chekc", "x"}, "keeptrack: unknown command \"chekc\" for \"keeptrack config\", did you mean check?\n"},
		{"unknown flag", []string{"version", "--long"}, "keeptrack: unknown flag: --long, see keeptrack version --help\n"},
		{"misspelt flag", []string{"announce", "--timout", "5s", "x", "y"}, "keeptrack: unknown flag: --timout, did you mean --timeout?\n"},
		{"unknown short flag", []string{"version", "-x"}, "keeptrack: unknown shorthand flag: 'x' in -x, see keeptrack version --help\n"},
		{"unknown flag of none", []string{"--frob"}, "keeptrack: unknown flag: --frob, see keeptrack --help\n"},
		{"argument missing", []string{"db", "verify"}, "keeptrack: FILE is missing, see keeptrack db verify --help\n"},
		{"argument empty", []string{"config", "check", ""}, "keeptrack: FILE is empty\n"},
		{"arguments missing", []string{"scrape"}, "keeptrack: URL is missing, see keeptrack scrape --help\n"},
		{"argument too many", []string{"version", "x"}, "keeptrack: unexpected argument \"x\" after version, see keeptrack version --help\n"},
		{"argument too many after others", []string{"db", "import", "a", "b", "c"}, "keeptrack: unexpected argument \"c\" after import FILE [TEXT], see keeptrack db import --help\n"},
		{"config without its flag", []string{"serve", "x"}, "keeptrack: unexpected argument \"x\" after serve, the config is given with --config FILE, see keeptrack serve --help\n"},
		{"empty config of serve", []string{"serve", "--config", "", "--then-unknown"}, // not to serve if it is taken
			"keeptrack: --config is empty, see keeptrack serve --help\n"},
		{"empty config of backup", []string{"backup", "--config", "", "x"}, "keeptrack: --config is empty, see keeptrack backup --help\n"},
		{"empty admin address of backup", []string{"backup", "--admin=", "x"}, "keeptrack: --admin is empty, see keeptrack backup --help\n"},
		{"empty config of restore", []string{"restore", "--config=", "x"}, "keeptrack: --config is empty, see keeptrack restore --help\n"},
		{"empty config of watch", []string{"livesync", "watch", "--config="}, "keeptrack: --config is empty, see keeptrack livesync watch --help\n"},
		{"empty key file of watch", []string{"livesync", "watch", "--key-file="}, "keeptrack: --key-file is empty, see keeptrack livesync watch --help\n"},
		{"no number", []string{"db", "inspect", "--top", "many", "x"}, "keeptrack: --top must be a whole number, not \"many\", see keeptrack db inspect --help\n"},
		{"no time", []string{"announce", "--timeout", "5", "x", "y"}, "keeptrack: --timeout must be a time such as 15s or 2m, not \"5\", see keeptrack announce --help\n"},
		{"neither true nor false", []string{"db", "inspect", "--json=x", "y"}, "keeptrack: --json must be true or false, not \"x\", see keeptrack db inspect --help\n"},
		{"flag without value", []string{"serve", "--config"}, "keeptrack: flag needs an argument: --config, see keeptrack serve --help\n"},
		{"help on nothing known", []string{"help", "config", "frob"}, "keeptrack: unknown command \"frob\" for \"keeptrack config\", see keeptrack config --help\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := keeptrack(c.args...)
			if got != (outcome{statusUsage, "", c.want}) {
				t.Errorf("got %+v, want status %d and %q", got, statusUsage, c.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--help"}, "keeptrack [command]"},
		{[]string{"help"}, "keeptrack [command]"},
		{[]string{"help", "config", "check"}, "keeptrack config check [FILE]"},
		{[]string{"config", "check", "--help"}, "keeptrack config check [FILE]"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := keeptrack(c.args...)
			if got.status != statusDone || !strings.Contains(got.stdout, c.want) || got.stderr != "" {
				t.Errorf("got %+v, want status %d and %q", got, statusDone, c.want)
			}
		})
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	commands := newRootCommand().Commands()
	for len(commands) > 0 {
		c := commands[0]
		commands = append(commands[1:], c.Commands()...)
		if c.Short == "" || c.RunE == nil {
			t.Errorf("%s: description %q, runs %v", c.CommandPath(), c.Short, c.RunE != nil)
		}
	}
}

func TestVersion(t *testing.T) {
	got := keeptrack("version")
	if flag := keeptrack("--version"); flag != got {
		t.Errorf("--version gives %+v", flag)
	}
	if got.status != statusDone || got.stderr != "" || !strings.HasPrefix(got.stdout, "keeptrack ") ||
		len(strings.Fields(got.stdout)) != 4 {
		t.Errorf("got %+v", got)
	}
}

// fullDisk is a writer that fails.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestFailure(t *testing.T) {
	var stderr bytes.Buffer
	status := run([]string{"config", "example"}, fullDisk{}, &stderr)
	if status != statusFailed || stderr.String() != "keeptrack: no space left\n" {
		t.Errorf("got status %d and %q", status, stderr.String())
	}
}
