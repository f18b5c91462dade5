package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/version"
)

func newVersionCommand() *cobra.Command {
	var sbom bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sbom {
				return version.WriteSBOM(cmd.OutOrStdout())
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "keeptrack %s %s %s/%s\n",
				version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&sbom, "sbom", false, "print what it is built from, a CycloneDX document in JSON")
	return cmd
}
