package main

import (
	"context"
	"math/rand/v2"
)

// phase is a situation to kill in.
type phase struct {
	name  string
	share int // of a hundred kills
	// kill runs the program into the situation and kills it.
	kill func(h *harness, ctx context.Context, rng *rand.Rand) (outcome, error)
}

// outcome says what a kill has come to.
type outcome struct {
	inside bool // the kill has certainly hit what it was aimed at
	loaded bool // announces went on until the kill
}

// phases are all phases; their shares add up to a hundred.
var phases = []phase{
	{"random", 14, (*harness).killAnytime},
	{"checkpoint", 22, (*harness).killInCheckpoint},
	{"override", 14, (*harness).killInOverride},
	{"backup", 14, (*harness).killInBackup},
	{"compaction", 14, (*harness).killInCompaction},
	{"creation", 12, (*harness).killInCreation},
	{"start", 10, (*harness).killInStart},
}

// schedule returns the phases of n kills in random order, each with its share.
func schedule(seed uint64, n int) []phase {
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
