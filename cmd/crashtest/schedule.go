package main

import (
	"context"
	"math/rand/v2"
	"slices"
)

// phase is a situation to kill in.
type phase struct {
	name  string
	share int // of a hundred kills
	// kill runs the program into the situation and kills it.
	kill func(h *session, ctx context.Context, rng *rand.Rand) (outcome, error)
}

// outcome says what a kill has come to.
type outcome struct {
	inside bool // the kill has certainly hit what it was aimed at
	loaded bool // announces went on until the kill
}

// phases are all phases; their shares add up to a hundred.
var phases = []phase{
	{"random", 12, (*session).killAnytime},
	{"checkpoint", 20, (*session).killInCheckpoint},
	{"snapshot", 13, (*session).killInSnapshot},
	{"override", 12, (*session).killInOverride},
	{"backup", 12, (*session).killInBackup},
	{"compaction", 11, (*session).killInCompaction},
	{"creation", 10, (*session).killInCreation},
	{"start", 10, (*session).killInStart},
}

// phaseNamed returns the phase with a name, and whether there is one.
func phaseNamed(name string) (phase, bool) {
	for _, p := range phases {
		if p.name == name {
			return p, true
		}
	}
	return phase{}, false
}

// schedule returns the phases of n kills in random order, each with its share, or if
// there is a phase named only, that one.
func schedule(seed uint64, n int, only string) []phase {
	if p, ok := phaseNamed(only); ok {
		return slices.Repeat([]phase{p}, n)
	}
	var all []phase
	sum := 0
	for _, p := range phases {
		before := sum * n / 100
		sum += p.share
		for range sum*n/100 - before {
			all = append(all, p)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
