package tracker

import "time"

// RenewalMinutes is the number of elements of Renewals.
const RenewalMinutes = 45

// Renewals count the announces of peers that were stored already, by the whole
// minutes since the peer's announce before; the last element includes all that
// took longer. Stops and what other instances publish are not counted.
type Renewals [RenewalMinutes]uint64

// Renewals adds up the shards since the start, one after the other.
func (t *Tracker) Renewals() (sum Renewals) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		renewed := s.renewed
		s.mu.Unlock()
		for minutes, n := range renewed {
			sum[minutes] += n
		}
	}
	return sum
}

// renew counts a renewal after age ticks.
func (s *shard) renew(c *clock, age uint16) {
	minutes := time.Duration(age) * c.tick / time.Minute
	s.renewed[min(minutes, RenewalMinutes-1)]++
}
