package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/printable"
	"keeptrack/store"
)

func newDBVerifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check everything in a database file",
		Long: `Check a database file: its pages, every checksum, length and order, and that all records
are there and where they belong. It prints a line for each error; without errors the
exit status is 0. The file is not changed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			shown := newProgress(cmd.ErrOrStderr(), "verifying", 0)
			var findings []error
			err := onDatabase(args[0], func(path string) (err error) {
				findings, err = store.Verify(path)
				return err
			})
			shown.end()
			if err != nil {
				return err
			}
			if err := printVerified(cmd, args[0], findings, asJSON); err != nil {
				return err
			}
			if n := len(findings); n > 0 {
				return fmt.Errorf("database %s is damaged, findings: %d", args[0], n)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func printVerified(cmd *cobra.Command, path string, findings []error, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		texts := make([]string, len(findings))
		for i, f := range findings {
			texts[i] = f.Error()
		}
		return printable.JSON(out, struct {
			File     string   `json:"file"`
			OK       bool     `json:"ok"`
			Findings []string `json:"findings"`
		}{path, len(findings) == 0, texts})
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%s: %v\n", path, f); err != nil {
			return err
		}
	}
	if len(findings) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "%s: ok\n", path)
	return err
}
