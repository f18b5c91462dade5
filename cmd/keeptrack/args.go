package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keeptrack/cmd/internal/suggest"
)

// namedArgs holds cmd to the arguments that its usage line names: [THIS] may be
// left out, and THIS... comes once or more often.
func namedArgs(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	for i, name := range names {
		if i >= len(args) && !strings.HasPrefix(name, "[") {
			return fmt.Errorf("%s is missing", strings.TrimSuffix(name, "..."))
		}
	}
	if len(args) <= len(names) || strings.HasSuffix(cmd.Use, "...") {
		return nil
	}
	err := fmt.Errorf("unexpected argument %q after %s", args[len(names)], cmd.Use)
	if len(names) == 0 && cmd.Flags().Lookup("config") != nil {
		err = fmt.Errorf("%w, the config is given with --config FILE", err)
	}
	return err
}

// filled is the value of a flag that names something. It refuses to be empty,
// which in a script is a variable that was not set: the default would take the
// place of what was meant.
type filled string

var errEmpty = errors.New("is empty")

func (f *filled) String() string { return string(*f) }

func (f *filled) Set(s string) error {
	if s == "" {
		return errEmpty
	}
	*f = filled(s)
	return nil
}

// Type is what pflag calls a text.
func (f *filled) Type() string { return "string" }

// filledList is the value of a flag that may be repeated, and names something each time.
type filledList []string

func (l *filledList) String() string { return strings.Join(*l, ",") }

func (l *filledList) Set(s string) error {
	if s == "" {
		return errEmpty
	}
	*l = append(*l, s)
	return nil
}

// Type is what pflag calls a text.
func (l *filledList) Type() string { return "string" }

// filledVar defines a flag without a default that refuses to be empty.
func filledVar(flags *pflag.FlagSet, p *string, name, usage string) {
	flags.Var((*filled)(p), name, usage)
}

// wrongFlag says in the program's own words what is wrong with a flag, and which one a
// misspelt one may stand for.
func wrongFlag(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		s := suggest.For(unknown.GetSpecifiedName())
		cmd.Flags().VisitAll(func(f *pflag.Flag) { s.Offer(f.Name, 0, f.Name) })
		if near := s.Label(); near != "" && len(unknown.GetSpecifiedName()) > 1 {
			return usageError{fmt.Errorf("%w, did you mean --%s?", err, near)}
		}
		return err
	}
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	flag := invalid.GetFlag()
	if errors.Is(err, errEmpty) {
		return fmt.Errorf("--%s is empty", flag.Name)
	}
	want := wanted[flag.Value.Type()]
	if want == "" {
		return err
	}
	return fmt.Errorf("--%s must be %s, not %q", flag.Name, want, invalid.GetValue())
}

// wanted says of each type of flag what its values are.
var wanted = map[string]string{
	"bool":     "true or false",
	"duration": "a time such as 15s or 2m",
	"float64":  "a number",
	"int":      "a whole number",
	"int32":    "a whole number up to 2147483647",
	"uint16":   "a whole number from 0 to 65535",
	"uint64":   "a whole number from 0 on",
}
