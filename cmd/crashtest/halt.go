package main

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// A transaction takes a millisecond or a few, less than it may take to send a
// signal at the wrong time on a busy machine. To kill a daemon inside of one it
// is first halted: if that was too late, it is tried again with another
// transaction.
const (
	maxHalts = 30
	// haltTime is what a process may need until it stands still.
	haltTime = 2 * time.Millisecond
)

// halt halts the daemon after a delay, and returns the number of its file's last
// transaction.
func (d *daemon) halt(file string, delay time.Duration) (tx uint64, err error) {
	time.Sleep(delay)
	if err := d.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return 0, err
	}
	time.Sleep(haltTime)
	tx, _, err = lastTx(file)
	return tx, err
}

// guess is how long a transaction might last.
type guess time.Duration

// firstGuess is where it begins.
const firstGuess = guess(5 * time.Millisecond)

// delay draws a time within the transaction.
func (g guess) delay(rng *rand.Rand) time.Duration { return share(rng, time.Duration(g)) }

// learn corrects the guess: a hit may have been too early, a miss was too late.
func (g *guess) learn(hit bool) {
	if hit {
		*g += *g / 2
	} else {
		*g -= *g / 4
	}
}
