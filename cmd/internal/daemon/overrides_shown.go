package daemon

import (
	"keeptrack/cmd/internal/admin"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// active returns up to limit overrides without those dropped, from an info hash on.
// r.mu is held.
func (r *accessRules) active(from tracker.InfoHash, limit int) (some []admin.Override) {
	for o := range r.overrides.Since(from) {
		if len(some) == limit {
			break
		}
		if o.Decision != override.Dropped {
			some = append(some, r.shown(o))
		}
	}
	return some
}

// shown returns an override as the JSON interface shows it. r.mu is held.
func (r *accessRules) shown(o *override.Override) admin.Override {
	shown := admin.Override{InfoHash: o.InfoHash, Since: o.At(), Origin: o.Origin.String(), Local: !o.Decision.Spreads()}
	shown.Listed, _ = o.Decision.Lists(r.config.Mode)
	decision, known := o.Decision, true
	if shown.Local {
		decision, known = override.Of(r.config.Mode, shown.Listed)
	}
	if known {
		shown.Decision = decision.String()
	}
	return shown
}

// maxLogged bounds the overrides of other instances that are logged one by one.
const maxLogged = 100

// logHeard logs what another instance has decided.
func (r *accessRules) logHeard(from wire.ID, c *changeOfOverrides) {
	if n := c.put.Len(); n > maxLogged {
		audit(r.log).Stringer("instance", from).Int("overrides", n).Stringer("mode", r.config.Mode).Msg("access list changed")
		return
	}
	for o := range c.put.All {
		audit(r.log).Stringer("instance", from).Stringer("info_hash", o.InfoHash).Str("change", r.effect(o.Decision)).
			Stringer("decision", o.Decision).Stringer("origin", o.Origin).Time("made", o.At()).Stringer("mode", r.config.Mode).
			Msg("access list changed")
	}
}
