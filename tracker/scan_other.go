//go:build !amd64

package tracker

// scan4 is scanEach: nothing faster has been written for this processor.
func scan4(words []byte, want uint64) int { return scanEach(words, want) }
