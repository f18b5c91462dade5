package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/testenv"
	"keeptrack/livesync/wire"
	"keeptrack/store"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

var (
	fileHash  = tracker.InfoHash{1}
	otherHash = tracker.InfoHash{2}
)

// rules returns access rules of a mode whose file lists fileHash, with a
// database at path, and their log.
func rules(t *testing.T, path string, mode tracker.AccessMode) (*accessRules, *bytes.Buffer) {
	t.Helper()
	s, err := store.Open(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var log bytes.Buffer
	r, err := newAccessRules(s, tracker.New(tracker.Options{PeerTimeout: time.Hour}, time.Now()), config.Access{Mode: mode},
		tracker.NewHashSet([]tracker.InfoHash{fileHash}), zerolog.New(&log).Level(zerolog.ErrorLevel)) // changes are in it nevertheless
	if err != nil {
		t.Fatal(err)
	}
	return r, &log
}

func wantRefused(t *testing.T, r *accessRules, file, other bool) {
	t.Helper()
	a := r.tracker.Access()
	if f, o := a.Refuses(&fileHash), a.Refuses(&otherHash); f != file || o != other {
		t.Errorf("refused: the file's %v, the other %v; want %v, %v", f, o, file, other)
	}
}

// TestOverrides: they prevail over the file, outlive a reload and a restart, and can
// be dropped again.
func TestOverrides(t *testing.T) {
	for _, c := range []struct {
		mode                  tracker.AccessMode
		listed, off, unlisted bool // whether a hash is refused
	}{
		{tracker.AccessDeny, true, false, false},
		{tracker.AccessAllow, false, true, true},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			r, log := rules(t, path, c.mode)
			wantRefused(t, r, c.listed, c.unlisted)
			for range 2 { // the second time changes nothing
				if err := errors.Join(r.override(fileHash, false, "me"), r.override(otherHash, true, "me")); err != nil {
					t.Fatal(err)
				}
			}
			wantRefused(t, r, c.off, c.listed)
			r.set(r.config, tracker.NewHashSet([]tracker.InfoHash{fileHash}))
			wantRefused(t, r, c.off, c.listed)
			if n := strings.Count(log.String(), "access list changed"); n != 2 || !strings.Contains(log.String(), `{"level":"info","client":"me","info_hash":"`+fileHash.String()+`","change":"taken off the list"`) {
				t.Errorf("the log says %s", log)
			}
			if err := r.store.Close(); err != nil {
				t.Fatal(err)
			}
			r, _ = rules(t, path, c.mode)
			wantRefused(t, r, c.off, c.listed)
			if err := errors.Join(r.forget(fileHash, "me"), r.forget(otherHash, "me"), r.forget(otherHash, "me")); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, r, c.listed, c.unlisted)
			if r.overrides.Active() != 0 || r.overrides.Count(override.Dropped) != 2 {
				t.Errorf("%d in force, %d dropped", r.overrides.Active(), r.overrides.Count(override.Dropped))
			}
		})
	}
}

// TestOverridesInEveryMode: what is decided in one mode means the same in the
// others, but for old decisions, which are about the list.
func TestOverridesInEveryMode(t *testing.T) {
	r, _ := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	oldHash := tracker.InfoHash{3}
	if err := errors.Join(r.override(fileHash, false, "me"), r.override(otherHash, true, "me")); err != nil {
		t.Fatal(err)
	}
	r.overrides.Put(override.Override{InfoHash: oldHash, Decision: override.LocalAdded, Time: 1_700_000_000e9})
	for _, c := range []struct {
		mode             tracker.AccessMode
		file, other, old bool // refused
		want             [3]admin.Override
	}{
		{tracker.AccessDeny, false, true, true, [3]admin.Override{{Listed: false, Decision: "serve"}, {Listed: true, Decision: "refuse"}, {Listed: true, Decision: "refuse", Local: true}}},
		{tracker.AccessAllow, false, true, false, [3]admin.Override{{Listed: true, Decision: "serve"}, {Listed: false, Decision: "refuse"}, {Listed: true, Decision: "serve", Local: true}}},
		{tracker.AccessOpen, false, false, false, [3]admin.Override{{Listed: false, Decision: "serve"}, {Listed: false, Decision: "refuse"}, {Listed: true, Decision: "", Local: true}}},
	} {
		r.set(config.Access{Mode: c.mode}, tracker.NewHashSet([]tracker.InfoHash{fileHash}))
		wantRefused(t, r, c.file, c.other)
		if got := r.tracker.Access().Refuses(&oldHash); got != c.old {
			t.Errorf("%s: the old one refused: %v", c.mode, got)
		}
		for i, got := range r.active(tracker.InfoHash{}, 3) {
			want := c.want[i]
			want.InfoHash, want.Since, want.Origin = got.InfoHash, got.Since, got.Origin
			if got != want || (got.Origin == r.label.String()) == got.Local || got.Since.Year() < 2023 {
				t.Errorf("%s: %+v, want %+v", c.mode, got, want)
			}
		}
	}
	if err := r.override(fileHash, true, "me"); !errors.Is(err, errOverrideOpen) {
		t.Errorf("made in mode open: %v", err)
	}
	if err := r.forget(otherHash, "me"); err != nil {
		t.Errorf("dropped in mode open: %v", err)
	}
	r.set(config.Access{Mode: tracker.AccessDeny}, nil) // a file is not needed
	wantRefused(t, r, false, false)
	if err := r.override(oldHash, true, "me"); err != nil || !r.tracker.Access().Refuses(&oldHash) {
		t.Errorf("set again: %v", err)
	}
	if o, _ := r.overrides.Find(oldHash); o.Decision != override.Refuse || o.Origin != r.label {
		t.Errorf("set again: %+v", o)
	}
}

// TestDecisionsInEveryMode: refuse and serve mean the same in allow and deny, and
// nothing is decided in open.
func TestDecisionsInEveryMode(t *testing.T) {
	r, _ := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	for _, mode := range []tracker.AccessMode{tracker.AccessDeny, tracker.AccessAllow} {
		r.set(config.Access{Mode: mode}, tracker.NewHashSet([]tracker.InfoHash{fileHash}))
		for _, d := range []override.Decision{override.Refuse, override.Serve, override.Refuse} {
			if err := r.overrideBy(otherHash, d, "me"); err != nil {
				t.Errorf("%s, %s: %v", mode, d, err)
			}
			if got := r.tracker.Access().Refuses(&otherHash); got != (d == override.Refuse) {
				t.Errorf("%s, %s: refused is %v", mode, d, got)
			}
		}
	}
	r.set(config.Access{Mode: tracker.AccessOpen}, nil)
	if err := r.overrideBy(otherHash, override.Serve, "me"); !errors.Is(err, errOverrideOpen) {
		t.Errorf("made in mode open: %v", err)
	}
	if o, _ := r.overrides.Find(otherHash); o.Decision != override.Refuse {
		t.Errorf("in mode open the decision became %s", o.Decision)
	}
}

// TestOverrideThatIsNotKept: what the database does not take is not in force.
func TestOverrideThatIsNotKept(t *testing.T) {
	r, log := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	if err := r.override(otherHash, true, "me"); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if _, _, err := (groupOverrides{r}).Take([]override.Override{{InfoHash: fileHash, Decision: override.Serve, Time: 1}}, wire.ID{}); err == nil {
		t.Error("no error from a closed database")
	}
	if r.override(fileHash, false, "me") == nil || r.override(otherHash, false, "me") == nil || r.forget(otherHash, "me") == nil {
		t.Error("no error from a closed database")
	}
	wantRefused(t, r, true, true)
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

// TestOverrideAfterFailure: a change that fails may be on disk nevertheless. Who
// asks for what is in force then gets it on disk too.
func TestOverrideAfterFailure(t *testing.T) {
	for name, c := range map[string]struct {
		before, failing, after func(*accessRules) error
		refused                bool
	}{
		"dropped": {
			func(*accessRules) error { return nil },
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.forget(otherHash, "me") }, false,
		},
		"added again": {
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.override(otherHash, false, "me") },
			func(r *accessRules) error { return r.override(otherHash, true, "me") }, true,
		},
		"added after a drop": {
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.forget(otherHash, "me") },
			func(r *accessRules) error { return r.override(otherHash, true, "me") }, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			r, _ := rules(t, path, tracker.AccessDeny)
			if err := errors.Join(c.before(r), os.Rename(path, path+".away")); err != nil {
				t.Fatal(err)
			}
			if c.failing(r) == nil {
				t.Fatal("no error from a database that is gone")
			}
			wantRefused(t, r, true, c.refused)
			if err := errors.Join(os.Rename(path+".away", path), c.after(r), r.store.Close()); err != nil {
				t.Fatal(err)
			}
			r, _ = rules(t, path, tracker.AccessDeny)
			wantRefused(t, r, true, c.refused)
		})
	}
}

func TestOverridesAreBounded(t *testing.T) {
	r, _ := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	hash := func(i int) tracker.InfoHash { return tracker.InfoHash{byte(i), 3, byte(i >> 16), byte(i >> 8)} }
	for i := range override.Max {
		r.overrides.Put(override.Override{InfoHash: hash(i), Decision: override.Serve})
	}
	if err := r.override(otherHash, true, "me"); !errors.Is(err, errOverrides) {
		t.Errorf("error %v, want %v", err, errOverrides)
	}
	if err := errors.Join(r.override(hash(7), true, "me"), r.forget(hash(8), "me"), r.override(otherHash, true, "me")); err != nil {
		t.Errorf("changing one that is there, and one in place of another: %v", err)
	}
	// Of those dropped, the first gives way.
	for i := override.Max; r.overrides.Len() < override.Capacity; i++ {
		r.overrides.Put(override.Override{InfoHash: hash(i), Decision: override.Dropped, Time: uint64(i)})
	}
	if err := errors.Join(r.override(hash(7), false, "me"), r.forget(hash(9), "me"), r.override(tracker.InfoHash{9}, true, "me")); err != nil {
		t.Error(err)
	}
	if _, there := r.overrides.Find(hash(override.Max)); there || r.overrides.Len() != override.Capacity {
		t.Errorf("the one dropped first is there: %v; %d in all", there, r.overrides.Len())
	}
}

// TestRoomForWhatCameFromOthers: in a full set what was dropped first gives way, also
// when it comes again with the next.
func TestRoomForWhatCameFromOthers(t *testing.T) {
	g, _, _ := spreading(t, tracker.AccessDeny)
	hash := func(i int) tracker.InfoHash { return tracker.InfoHash{byte(i), byte(i >> 8), byte(i >> 16)} }
	for i := range override.Capacity {
		d := override.Refuse
		if i < 3 {
			d = override.Dropped
		}
		g.overrides.Put(override.Override{InfoHash: hash(i), Decision: d, Time: uint64(time.Now().UnixNano()) + uint64(i)})
	}
	o, _ := g.overrides.Find(hash(0))
	again, late, old := o, o, o
	again.Decision, again.Time = override.Serve, again.Time+100
	late.InfoHash, late.Decision = tracker.InfoHash{1, 19: 1}, override.Refuse
	old.InfoHash, old.Time = tracker.InfoHash{2, 19: 1}, old.Time-1
	if taken, full, err := g.Take([]override.Override{late, again, old}, wire.ID{}); taken != 2 || full != 1 || err != nil {
		t.Errorf("%d taken, %d without room, %v", taken, full, err)
	}
	for i, want := range []bool{true, false, true} {
		if _, there := g.overrides.Find(hash(i)); there != want {
			t.Errorf("number %d is there: %v", i, there)
		}
	}
	if all, err := g.store.Overrides(); err != nil || len(all) != 2 || g.overrides.Len() != override.Capacity {
		t.Errorf("on disk are %v, %v; %d in all", all, err, g.overrides.Len())
	}
}

// TestWhatIsReplacedTakesNoRoom: the last place of a set is there for what comes
// together with a change of what the set has.
func TestWhatIsReplacedTakesNoRoom(t *testing.T) {
	g, _, _ := spreading(t, tracker.AccessDeny)
	hash := func(i int) tracker.InfoHash { return tracker.InfoHash{byte(i), byte(i >> 8), byte(i >> 16)} }
	for i := range override.Capacity - 1 {
		g.overrides.Put(override.Override{InfoHash: hash(i), Decision: override.Dropped, Time: uint64(time.Now().UnixNano())})
	}
	later, another := override.Stamp(time.Now()), tracker.InfoHash{1, 19: 1}
	heard := []override.Override{
		{InfoHash: hash(1), Decision: override.Serve, Time: later},
		{InfoHash: another, Decision: override.Refuse, Time: later},
	}
	if taken, full, err := g.Take(heard, wire.ID{}); taken != 2 || full != 0 || err != nil {
		t.Errorf("%d taken, %d without room, %v", taken, full, err)
	}
	if n := g.overrides.Len(); n != override.Capacity {
		t.Errorf("%d overrides, want %d", n, override.Capacity)
	}
}

// spreading returns the rules of an instance with a key, what others are told, and
// the log.
func spreading(t *testing.T, mode tracker.AccessMode) (g groupOverrides, told *[]override.Override, log *bytes.Buffer) {
	t.Helper()
	r, log := rules(t, filepath.Join(t.TempDir(), "test.db"), mode)
	told = new([]override.Override)
	r.spreadBy(func(o override.Override) { *told = append(*told, o) })
	return groupOverrides{r}, told, log
}

// TestOverridesThatSpread: each is told, with a time after all that is known.
func TestOverridesThatSpread(t *testing.T) {
	g, told, log := spreading(t, tracker.AccessDeny)
	ahead := override.Stamp(time.Now().Add(time.Minute))
	mate := wire.ID{0xab}
	heard := []override.Override{
		{InfoHash: otherHash, Decision: override.Refuse, Origin: override.Label{7}, Time: ahead},
		{InfoHash: otherHash, Decision: override.Serve, Origin: override.Label{7}, Time: 5},
		{InfoHash: fileHash, Decision: override.Serve, Origin: override.Label{7}, Time: 5},
	}
	if taken, full, err := g.Take(heard, mate); taken != 2 || full != 0 || err != nil {
		t.Errorf("%d taken, %d without room, %v", taken, full, err)
	}
	wantRefused(t, g.accessRules, false, true)
	if text := log.String(); strings.Count(text, `"instance":"ab000000"`) != 2 || !strings.Contains(text, `"origin":"07000000"`) || !strings.Contains(text, `"change":"added to the list"`) {
		t.Errorf("the log says %s", text)
	}
	if taken, _, err := g.Take(heard, mate); taken != 0 || err != nil {
		t.Errorf("once more: %d taken, %v", taken, err)
	}
	for range 2 { // each time it is decided anew
		if err := g.override(otherHash, false, "me"); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(g.forget(otherHash, "me"), g.forget(tracker.InfoHash{9}, "me")); err != nil {
		t.Fatal(err)
	}
	want := []override.Override{
		{InfoHash: otherHash, Decision: override.Serve, Origin: g.label, Time: ahead + 1},
		{InfoHash: otherHash, Decision: override.Serve, Origin: g.label, Time: ahead + 2},
		{InfoHash: otherHash, Decision: override.Dropped, Origin: g.label, Time: ahead + 3},
		{InfoHash: tracker.InfoHash{9}, Decision: override.Dropped, Origin: g.label, Time: (*told)[3].Time},
	}
	if !slices.Equal(*told, want) {
		t.Errorf("told are %v, want %v", *told, want)
	}
	wantRefused(t, g.accessRules, false, false)
}

// TestOverrideOfAWrongClock: what was decided years ahead gives way to what is decided
// once the clock is right.
func TestOverrideOfAWrongClock(t *testing.T) {
	g, told, _ := spreading(t, tracker.AccessDeny)
	years := override.Stamp(time.Now().AddDate(10, 0, 0))
	g.overrides.Put(override.Override{InfoHash: otherHash, Decision: override.Refuse, Origin: g.label, Time: years})
	if err := g.override(otherHash, false, "me"); err != nil {
		t.Fatal(err)
	}
	o, _ := g.overrides.Find(otherHash)
	if o.Decision != override.Serve || o.Time > override.Stamp(time.Now()) || !slices.Equal(*told, []override.Override{o}) {
		t.Errorf("in force is %+v, told %v", o, *told)
	}
}

// TestOverridesOutlived: what was dropped is forgotten after a year and not taken in
// again; who was away for longer gives up what is as old.
func TestOverridesOutlived(t *testing.T) {
	g, _, log := spreading(t, tracker.AccessDeny)
	now := time.Now()
	at := func(h byte, d override.Decision, age time.Duration) override.Override {
		return override.Override{InfoHash: tracker.InfoHash{h}, Decision: d, Time: override.Stamp(now.Add(-age))}
	}
	year := override.Lifetime
	g.overrides.Put(at(9, override.Dropped, year+time.Hour))
	g.overrides.Put(override.Override{InfoHash: tracker.InfoHash{8}, Decision: override.LocalAdded, Time: 1})
	heard := []override.Override{at(1, override.Dropped, year+time.Hour), at(2, override.Dropped, year-time.Hour), at(3, override.Refuse, 2*year), at(4, override.Serve, time.Hour)}
	if taken, _, err := g.Take(heard, wire.ID{}); taken != 3 || err != nil {
		t.Errorf("%d taken, %v", taken, err)
	}
	has := func(want ...byte) {
		t.Helper()
		var got []byte
		for o := range g.overrides.All {
			got = append(got, o.InfoHash[0])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("there are %v, want %v", got, want)
		}
	}
	has(2, 3, 4, 8, 9)
	if err := g.Prune(now); err != nil {
		t.Error(err)
	}
	has(2, 3, 4, 8)
	log.Reset()
	g.log = zerolog.New(log)
	if err := g.GiveUp(now); err != nil || !strings.Contains(log.String(), `"overrides":1`) {
		t.Errorf("%v, the log says %s", err, log)
	}
	has(2, 4, 8)
	if all, err := g.store.Overrides(); err != nil || len(all) != 2 {
		t.Errorf("on disk are %v, %v", all, err)
	}
}

func TestOverridesAgree(t *testing.T) {
	g, _, _ := spreading(t, tracker.AccessDeny)
	now := time.Now().Truncate(time.Second)
	if at := g.Agreed(); !at.IsZero() {
		t.Errorf("agreed at %s", at)
	}
	for _, c := range []struct{ at, stored time.Time }{{now, now}, {now.Add(time.Hour), now}, {now.Add(25 * time.Hour), now.Add(25 * time.Hour)}} {
		err := g.Agree(c.at)
		stored, storeErr := g.store.OverridesAgreed()
		if err != nil || storeErr != nil || !stored.Equal(c.stored) || !g.Agreed().Equal(c.at) {
			t.Errorf("%v, %v: %s on disk, want %s", err, storeErr, stored, c.stored)
		}
	}
}

// TestFilesThatAreNoAccessList end a daemon neither by waiting nor by the memory
// that they seem to need.
func TestFilesThatAreNoAccessList(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"directory":    {func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory or a pipe"},
		"pipe":         {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is a directory or a pipe"},
		"a vast image": {func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) }, "line 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			testenv.Need(t, "make "+name, c.make(path))
			_, err := ReadAccessList(&config.Access{Mode: tracker.AccessDeny, File: path}, func() {})
			if want := "access.file: " + path + ": " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
