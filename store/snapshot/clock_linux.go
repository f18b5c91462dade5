package snapshot

import (
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// now returns the moment. The wall clock alone has to do where the others cannot
// be read.
func now() moment {
	m := moment{wall: time.Now().Round(0)}
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) == nil {
		m.up, m.boot = time.Duration(ts.Nano()), bootID()
	}
	return m
}

// bootID returns the number that the kernel draws at its start, or zero.
var bootID = sync.OnceValue(func() (id [bootIDSize]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	digits := strings.ReplaceAll(strings.TrimSpace(string(text)), "-", "")
	if b, err := hex.DecodeString(digits); err == nil && len(b) == bootIDSize {
		copy(id[:], b)
	}
	return id
})
