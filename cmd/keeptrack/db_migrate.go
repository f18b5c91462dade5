package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/printable"
	"keeptrack/store"
)

func newDBMigrateCommand() *cobra.Command {
	var asJSON, dryRun bool
	cmd := &cobra.Command{
		Use:   "migrate FILE",
		Short: "Bring a database file to this program's schema",
		Long: `Bring a database file to the schema of this program, as the daemon does at its start.
Before the first step the file is copied to FILE.vN.bak, where N is its version. An
interrupted migration goes on when the command is run again.

With --dry-run the command changes nothing.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var plan *store.Plan
			err := onDatabase(args[0], func(path string) (err error) {
				plan, err = store.PlanMigration(path)
				if err == nil && !dryRun && len(plan.Steps) > 0 {
					err = migrate(cmd, path)
				}
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printPlanJSON(cmd.OutOrStdout(), args[0], plan, dryRun)
			}
			return printPlan(cmd.OutOrStdout(), args[0], plan, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func migrate(cmd *cobra.Command, path string) error {
	shown := newProgress(cmd.ErrOrStderr(), "copying and migrating", 0)
	defer shown.end()
	s, err := store.Open(path, zerolog.Nop())
	if err != nil {
		return err
	}
	return s.Close()
}

func printPlan(w io.Writer, path string, p *store.Plan, dryRun bool) error {
	if len(p.Steps) == 0 {
		_, err := fmt.Fprintf(w, "%s: schema version %d, nothing to do\n", path, p.From)
		return err
	}
	done := "migrated"
	if dryRun {
		done = "to be migrated"
	}
	_, err := fmt.Fprintf(w, "%s: %s from schema version %d to %d\n", path, done, p.From, p.To)
	for i, step := range p.Steps {
		_, stepErr := fmt.Fprintf(w, "%d %s\n", p.From+i+1, step)
		err = errors.Join(err, stepErr)
	}
	return err
}

func printPlanJSON(w io.Writer, path string, p *store.Plan, dryRun bool) error {
	return printable.JSON(w, struct {
		File   string   `json:"file"`
		From   int      `json:"from"`
		To     int      `json:"to"`
		Steps  []string `json:"steps"`
		DryRun bool     `json:"dry_run"`
	}{path, p.From, p.To, append([]string{}, p.Steps...), dryRun})
}
