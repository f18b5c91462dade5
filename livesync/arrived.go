package livesync

// streamWindow is how many packets of a stream of peers may be underway: sent, and not
// known to have arrived. It is a power of two.
const streamWindow = 4096

// arrived are the numbers of the packets of a stream that have arrived.
type arrived struct {
	below uint32 // all numbers below have
	end   uint32 // one more than the highest that has
	bits  [streamWindow / 64]uint64
}

func (a *arrived) has(n uint32) bool {
	return n < a.below || n < a.end && a.bits[n%streamWindow/64]>>(n%64)&1 != 0
}

// fresh reports whether a packet may arrive and has not.
func (a *arrived) fresh(n uint32) bool { return n-a.below < streamWindow && !a.has(n) }

// add takes note of a packet that is fresh.
func (a *arrived) add(n uint32) {
	a.end = max(a.end, n+1)
	a.bits[n%streamWindow/64] |= 1 << (n % 64)
	for a.below < a.end && a.has(a.below) {
		a.bits[a.below%streamWindow/64] &^= 1 << (a.below % 64)
		a.below++
	}
}

// missing returns the numbers of up to limit packets that are missing, and below which
// number no others are.
func (a *arrived) missing(limit int) (numbers []uint32, end uint32) {
	for n := a.below; n < a.end; n++ {
		if a.has(n) {
			continue
		}
		if len(numbers) == limit {
			return numbers, n
		}
		numbers = append(numbers, n)
	}
	return numbers, a.end
}
