package main

import "github.com/spf13/cobra"

func newDBCommand() *cobra.Command {
	return newGroup("db", "Work on a database file that no daemon has open",
		newDBVerifyCommand(),
		newDBInspectCommand(),
		newDBCompactCommand(),
		newDBMigrateCommand(),
		newDBExportCommand(),
		newDBImportCommand(),
		newDBPeersCommand(),
	)
}
