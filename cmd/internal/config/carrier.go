package config

import (
	"reflect"
	"slices"
)

// TransportName names what carries the packets of live sync.
type TransportName string

// carrier is a transport of live sync as the config has it.
type carrier struct {
	name    TransportName
	heading string // lines for the example, above the keys
	keys    func(*LiveSync) []key
	// rules hold while live sync runs over this transport. They depend on
	// livesync.enabled and livesync.transport as well, which they do not name.
	rules []rule
}

// carriers are the transports, in the order of the example. The first is the default.
var carriers = []carrier{multicastCarrier, unicastCarrier, natsCarrier}

// carrierNames returns the names of the transports.
func carrierNames() (names []TransportName) {
	for _, c := range carriers {
		names = append(names, c.name)
	}
	return names
}

// carrierKeys returns the keys of all transports.
func (l *LiveSync) carrierKeys() (keys []key) {
	for _, c := range carriers {
		of := c.keys(l)
		of[0].heading = c.heading
		keys = append(keys, of...)
	}
	return keys
}

// rules returns the rules of the transport in use.
func (l *LiveSync) rules() []rule {
	at := slices.IndexFunc(carriers, func(c carrier) bool { return l.Enabled && c.name == l.Transport })
	if at < 0 {
		return nil
	}
	return carriers[at].allRules()
}

// allRules returns the rules with all keys that they depend on.
func (c carrier) allRules() (all []rule) {
	for _, r := range c.rules {
		r.keys = slices.Concat(r.keys, []string{"livesync.enabled", "livesync.transport"})
		all = append(all, r)
	}
	return all
}

// unused returns a warning for each key that is set and is for another transport.
func (l *LiveSync) unused() (warnings []string) {
	def := &Default().LiveSync
	for _, c := range carriers {
		if c.name == l.Transport {
			continue
		}
		defaults := c.keys(def)
		for i, k := range c.keys(l) {
			if !reflect.DeepEqual(k.value(), defaults[i].value()) {
				warnings = append(warnings, "livesync."+k.name+": is not used because livesync.transport is \""+string(l.Transport)+"\"")
			}
		}
	}
	return warnings
}
