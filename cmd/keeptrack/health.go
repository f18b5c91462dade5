package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
)

// health is the command with its flags.
type health struct {
	config  string
	ready   bool
	timeout time.Duration
}

func newHealthCommand() *cobra.Command {
	var h health
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask whether the daemon on this host is alive",
		Long: `Ask the daemon of the config on this host, at its admin address, whether it is alive,
and print whether it is ready to serve. The exit status is 0 if it is alive and 1 if not,
for the HEALTHCHECK of a container. With --ready it must be ready as well. The admin
address comes from the environment or the config; without either it is 127.0.0.1:6970. No
token is needed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return h.run(cmd) },
	}
	f := cmd.Flags()
	filledVar(f, &h.config, "config", "the daemon's config `FILE`")
	f.BoolVar(&h.ready, "ready", false, "fail unless the daemon is ready to serve")
	f.DurationVar(&h.timeout, "timeout", adminTimeout, "the `TIME` after which to give up")
	return cmd
}

func (h *health) run(cmd *cobra.Command) error {
	c, err := loadConfig(h.config)
	if err != nil {
		return err
	}
	address := daemonOf(c)
	if address == "" {
		return usageError{errors.New(c.Blame("admin.listen: is empty or has port 0: the daemon's admin address is not known"))}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), h.timeout)
	defer cancel()
	client := admin.NewClient(address, "")
	if err := client.Alive(ctx); err != nil {
		return err
	}
	text, ready, err := client.Ready(ctx)
	switch {
	case err != nil:
		return err
	case ready:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	case h.ready:
		return fmt.Errorf("the daemon at %s is not ready: %s", address, text)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "alive, not ready: %s\n", text)
	return err
}
