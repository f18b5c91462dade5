package bench

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUsageOfProcesses(t *testing.T) {
	if u, err := readUsage(os.Getpid()); err != nil || u.resident < 1<<20 {
		t.Errorf("this process: %+v, %v", u, err)
	}
	l := &memLink{latency: time.Millisecond, answer: udpTracker(good)}
	r, err := runOn(t, l, func(o *Options) { o.Requests, o.PID = 10, os.Getpid() })
	if err != nil || r.Tracker == nil || r.Tracker.PID != os.Getpid() || r.Tracker.Resident < 1 || r.Generator == nil {
		t.Errorf("got %+v, %v", r, err)
	}
	l = &memLink{latency: time.Millisecond, answer: udpTracker(good)}
	const none = 1<<31 - 1 // above what pid_max can be
	r, err = runOn(t, l, func(o *Options) { o.Requests, o.PID = 10, none })
	if err == nil || err.Error() != "there is no process 2147483647 in /proc" || r.Sent != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestUsageIsThatOfTheSystem compares with getrusage, before and after, once there is
// some time of either kind to tell apart.
func TestUsageIsThatOfTheSystem(t *testing.T) {
	var buf [1]byte
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	user, system := rusage(t)
	for user < 10*tick || system < 3*tick {
		for i := range 1000 {
			buf[0] ^= byte(i)
			zero.Read(buf[:])
		}
		for user, system = rusage(t); user < system+2*tick; user, _ = rusage(t) {
			for i := range 100_000 {
				buf[0] += byte(i)
			}
		}
	}
	got, err := readUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	afterUser, afterSystem := rusage(t)
	if got.user <= user-tick || got.user > afterUser || got.system <= system-tick || got.system > afterSystem {
		t.Errorf("user %v, system %v; want %v to %v, %v to %v, less a tick", got.user, got.system, user, afterUser, system, afterSystem)
	}
}

func rusage(t *testing.T) (user, system time.Duration) {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
}
