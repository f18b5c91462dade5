package tracker

// scan4 is scanEach, eight peers at a time where there are as many.
func scan4(words []byte, want uint64) int {
	if len(words) < 8*entrySize4 {
		return scanEach(words, want)
	}
	return scanEights(words, want)
}

// scanEights is scanEach for lists of eight peers or more.
//
//go:noescape
func scanEights(words []byte, want uint64) int
