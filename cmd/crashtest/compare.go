package main

import (
	"errors"
	"fmt"
	"time"

	"keeptrack/tracker"
)

// maxFindings is the number of findings that an error tells.
const maxFindings = 5

// loss is what a kill has cost: acknowledgements that the file does not bear
// out.
type loss struct {
	acked, lost uint64
	// lag is the age of the oldest that is lost, at the moment of the kill; 0 if
	// none is.
	lag time.Duration
}

// compare holds the records of the file against the book, for a process that
// died at a time, and goes on from the records if they are right.
func (b *book) compare(records []tracker.Record, died time.Time) (loss, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all findings
	found := make([]*tracker.Record, len(b.accounts))
	for i, r := range records {
		at, ok := b.index[r.InfoHash]
		if !ok {
			all.add(fmt.Errorf("torrent %s is in the file and has never been announced", r.InfoHash))
			continue
		}
		found[at] = &records[i]
	}
	for i := range b.accounts {
		all.add(b.accounts[i].compare(found[i], minute(died)))
	}
	if err := all.err(); err != nil {
		return loss{}, err
	}
	l := b.lost(found, died)
	for i := range b.accounts {
		b.accounts[i].begin(found[i])
	}
	b.acks, b.looks = nil, nil
	return l, nil
}

// compare holds the record found in the file, nil if there is none, against the
// account. now is the unix minute.
func (a *account) compare(r *tracker.Record, now uint32) error {
	if r == nil {
		if a.kept || a.sure > 0 {
			return fmt.Errorf("torrent %s is missing: %v", a.hash, a)
		}
		return nil
	}
	least, most := a.base.Downloaded+a.sure, a.base.Downloaded+a.sent
	switch {
	case r.Downloaded < a.base.Downloaded:
		return fmt.Errorf("torrent %s has %d downloads, had %d at an earlier restart", a.hash, r.Downloaded, a.base.Downloaded)
	case r.Downloaded < least:
		return fmt.Errorf("torrent %s has %d downloads, had %d before a checkpoint: %v", a.hash, r.Downloaded, least, a)
	case r.Downloaded > most:
		return fmt.Errorf("torrent %s has %d downloads, only %d were sent: %v", a.hash, r.Downloaded, most, a)
	case r.LastAnnounce < max(a.base.LastAnnounce, a.sureMinute):
		return fmt.Errorf("torrent %s was last announced in minute %d by the file: %v", a.hash, r.LastAnnounce, a)
	case r.LastAnnounce > now:
		return fmt.Errorf("torrent %s was last announced in minute %d by the file, which has not come", a.hash, r.LastAnnounce)
	}
	return nil
}

func (a *account) String() string {
	return fmt.Sprintf("%d in minute %d at the last restart, since then %d sent, %d acknowledged, %d before a checkpoint, in minute %d",
		a.base.Downloaded, a.base.LastAnnounce, a.sent, a.acked, a.sure, a.sureMinute)
}

// begin starts the account again from what is in the file.
func (a *account) begin(r *tracker.Record) {
	*a = account{hash: a.hash, peers: a.peers}
	if r != nil {
		a.base, a.kept = *r, true
	}
}

// lost tells which acknowledgements the file does not bear out. Downloads in
// the file that were sent and not acknowledged are taken for acknowledged ones.
func (b *book) lost(found []*tracker.Record, died time.Time) loss {
	var l loss
	spare := make([]uint64, len(b.accounts)) // in the file beyond what is sure
	for i, a := range b.accounts {
		l.acked += a.acked
		if found[i] != nil {
			spare[i] = found[i].Downloaded - a.base.Downloaded - a.sure
		}
	}
	for _, a := range b.acks {
		if spare[a.torrent] > 0 {
			spare[a.torrent]--
			continue
		}
		if l.lost == 0 {
			l.lag = max(died.Sub(a.at), 0)
		}
		l.lost++
	}
	return l
}

// findings gathers errors, the first few of them.
type findings struct {
	first []error
	more  int
}

func (f *findings) add(err error) {
	switch {
	case err == nil:
	case len(f.first) < maxFindings:
		f.first = append(f.first, err)
	default:
		f.more++
	}
}

func (f *findings) err() error {
	if f.more > 0 {
		return fmt.Errorf("%w\nand %d more", errors.Join(f.first...), f.more)
	}
	return errors.Join(f.first...)
}
