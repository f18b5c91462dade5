package config

import "reflect"

// Diff returns the keys, as table.key in the order of the example, whose
// values differ between two configs: those that take effect on a reload, and
// those that need a restart.
func Diff(old, new *Config) (live, restart []string) {
	after := new.tables()
	for i, t := range old.tables() {
		for j, k := range t.keys {
			if reflect.DeepEqual(k.value(), after[i].keys[j].value()) {
				continue
			}
			name := t.name + "." + k.name
			if k.live {
				live = append(live, name)
			} else {
				restart = append(restart, name)
			}
		}
	}
	return live, restart
}
