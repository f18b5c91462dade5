package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/version"
)

// versionLine says what this is, in a line.
func versionLine() string {
	return fmt.Sprintf("keeptrack %s %s %s/%s\n", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersionCommand() *cobra.Command {
	var sbom bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sbom {
				return version.WriteSBOM(cmd.OutOrStdout())
			}
			_, err := io.WriteString(cmd.OutOrStdout(), versionLine())
			return err
		},
	}
	cmd.Flags().BoolVar(&sbom, "sbom", false, "print what it is built from, a CycloneDX document in JSON")
	return cmd
}
