package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"keeptrack/tracker"
)

// statusInterval is how often the service manager is told what the daemon does,
// unless its watchdog wants to hear of it more often.
const statusInterval = 10 * time.Second

// notify tells the service manager, if one asks for it, of a change
// (sd_notify(3)).
func (d *Daemon) notify(changes ...string) {
	if _, err := sd.SdNotify(false, strings.Join(changes, "\n")); err != nil {
		d.log.Debug().Err(err).Msg("service manager not notified")
	}
}

// keepNotifying tells the service manager that the daemon is ready, then again
// and again that it is alive, and at the end of ctx that it stops. It returns
// once wait is closed.
func (d *Daemon) keepNotifying(ctx context.Context, wait <-chan struct{}) {
	interval := statusInterval
	if watchdog, err := sd.SdWatchdogEnabled(false); err == nil && watchdog > 0 {
		interval = min(interval, watchdog/3)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	d.notify(sd.SdNotifyReady, d.status())
	stopping := ctx.Done()
	for {
		select {
		case <-wait:
			return
		case <-stopping:
			stopping = nil // told once
			d.notify(sd.SdNotifyStopping, "STATUS=stopping")
		case <-ticker.C:
			d.notify(sd.SdNotifyWatchdog, d.status())
		}
	}
}

// status says what the daemon does, what it lacks, and why the last reload was
// refused. To
// know, it takes the lock of each shard in turn: where one is never released
// there is no status, and the watchdog acts.
func (d *Daemon) status() string {
	stats := d.tracker.Stats()
	doing := fmt.Sprintf("serving %d torrents, %d peers", stats.Torrents, stats.Peers[tracker.IPv4]+stats.Peers[tracker.IPv6])
	if err := d.ready(); err != nil {
		doing = err.Error()
	}
	if err := d.impaired(); err != nil {
		doing += "; " + err.Error()
	}
	if err := d.tooSmall(); err != nil {
		doing += "; " + err.Error()
	}
	if last := d.lastReload.Load(); last != nil && last.err != nil {
		doing += "; reload refused: " + last.err.Error()
	}
	return "STATUS=" + statusText(doing)
}

// maxStatus is the most bytes of a status. systemd ignores a message of more
// than 4096 bytes, or whose status is not UTF-8.
const maxStatus = 1000

// statusText makes a line of text of valid UTF-8 that is not too long.
func statusText(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\n", " "), "\uFFFD")
	if len(text) <= maxStatus {
		return text
	}
	end := maxStatus
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
