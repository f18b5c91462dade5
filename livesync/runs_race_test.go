//go:build race

package livesync

// defaultRuns is a share of the usual number: the race detector makes a run
// cost ten times as much, and finds what it finds in the first ones.
const defaultRuns = 500
