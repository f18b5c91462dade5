package snapshot

import "time"

const bootIDSize = 16

// moment is a time by two clocks: one that can be set, and one that counts from
// the start of the system, sleep included, and only means something until the
// next.
type moment struct {
	wall time.Time
	up   time.Duration
	boot [bootIDSize]byte // names the start of the system; zero if it is not known
}

// since returns the time from an earlier moment to m. If both are of one start of
// the system it is exact. Otherwise the clock that can be set has to tell, and if
// that says that no time has passed, none has as far as anybody can know.
func (m moment) since(earlier moment) time.Duration {
	if m.boot == earlier.boot && m.boot != [bootIDSize]byte{} && m.up >= earlier.up {
		return m.up - earlier.up
	}
	return max(m.wall.Sub(earlier.wall), 0)
}
