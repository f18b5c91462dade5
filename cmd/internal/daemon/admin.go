package daemon

import (
	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/admin/otstats"
)

// adminPart is what the operator comes to.
type adminPart struct {
	*admin.Server
	name string // of its endpoint
}

// makeAdmin makes the admin server, unless it is turned off.
func (d *Daemon) makeAdmin() {
	for i, l := range d.admin.All() { // one or none
		s := admin.New(admin.Options{
			Listener:  l,
			Token:     d.config.Admin.Token,
			ReadToken: d.config.Admin.ReadToken,
			Ready:     d.ready,
			Impaired:  d.impaired,
			Metrics:   d.metrics(),
			Stats:     otstats.Handler(otSource{d}),
			API:       d.api,
			Backup:    d.backup,
			Log:       d.log,
		})
		d.outer = append(d.outer, adminPart{s, d.admin.Names()[i]})
	}
}

func (p adminPart) describe(line *zerolog.Event) { line.Str("admin", p.name) }

func (p adminPart) count(n *otstats.Numbers) { n.Errors[otstats.ErrorDenied] = p.Unauthorized() }

var metricUnauthorized = counter("admin_unauthorized_total", "Requests to the admin address without a token that allows them.")

func (p adminPart) collect(send sender) { send(metricUnauthorized, float64(p.Unauthorized())) }
