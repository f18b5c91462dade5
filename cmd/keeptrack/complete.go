package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// completeFlag has shells complete the values of a flag: one of some names.
func completeFlag(cmd *cobra.Command, flag string, names ...string) {
	register(cmd, flag, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// completeShares has shells complete the values of a flag that are shares of names, such
// as connect=23,announce=75: the next name that is not there yet.
func completeShares(cmd *cobra.Command, flag string, names []string) {
	register(cmd, flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var next []string
		for _, name := range names {
			if !strings.Contains(","+before, ","+name+"=") {
				next = append(next, before+name+"=")
			}
		}
		return next, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

func register(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // there is no such flag
	}
}
