//go:build !race

package livesync

// defaultRuns is the number of random runs of TestAnyHistory.
const defaultRuns = 2000
