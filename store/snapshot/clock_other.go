//go:build !linux

package snapshot

import "time"

// now returns the moment, by the wall clock alone.
func now() moment { return moment{wall: time.Now().Round(0)} }
