package udp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"keeptrack/tracker/bep15"
)

var (
	testSecret = []byte("0123456789abcdef")
	testTime   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // the start of a slot of testIDs
	testIDs    = newConnectionIDs(10*time.Minute, testSecret)
)

func mapped(s string) [16]byte { return netip.MustParseAddr(s).As16() }

func TestConnectionIDLifetime(t *testing.T) {
	client := mapped("192.0.2.1")
	const slot = 150 * time.Second
	for _, tt := range []struct {
		name         string
		given, asked time.Duration // after the start of a slot
		want         bool
	}{
		{"at once", 0, 0, true},
		{"from the start of a slot, at the lifetime", 0, 10 * time.Minute, true},
		{"from the start of a slot, at five quarters", 0, 5*slot - 1, true},
		{"from the start of a slot, past five quarters", 0, 5 * slot, false},
		{"from the end of a slot, at the lifetime", slot - 1, slot - 1 + 10*time.Minute, true},
		{"from the end of a slot, just past the lifetime", slot - 1, 5 * slot, false},
		{"one round of the slot's low bits later", 0, 8 * slot, false},
		{"two rounds later", 0, 16 * slot, false},
		{"from a clock a slot ahead", slot, slot - 1, true},
		{"from a clock two slots ahead", 2 * slot, slot - 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := testIDs.id(client, testIDs.slot(testTime.Add(tt.given)))
			if got := testIDs.valid(id, client, testIDs.slot(testTime.Add(tt.asked))); got != tt.want {
				t.Errorf("valid is %v, want %v", got, tt.want)
			}
		})
	}
}

// TestConnectionIDsStayTheSame: servers of one secret take each other's ids,
// also while a group is upgraded one by one. The ids were computed by another
// program from the description of connectionIDs.
func TestConnectionIDsStayTheSame(t *testing.T) {
	for _, tt := range []struct {
		addr  string
		later uint64 // slots
		want  uint64
	}{
		{"192.0.2.1", 0, 0x53e66a75fcdfb0a0},
		{"192.0.2.1", 1, 0xb55e3010e5f02589},
		{"2001:db8::1", 0, 0x7f8fd3d7f30de710},
		{"2001:db8::1", 1, 0x779a849645642f29},
	} {
		if got := testIDs.id(mapped(tt.addr), testIDs.slot(testTime)+tt.later); got != tt.want {
			t.Errorf("%s, %d slots later: %016x, want %016x", tt.addr, tt.later, got, tt.want)
		}
	}
}

func TestConnectionIDIsBound(t *testing.T) {
	now := testIDs.slot(testTime)
	id := testIDs.id(mapped("192.0.2.1"), now)
	restarted := newConnectionIDs(10*time.Minute, testSecret)
	stranger := newConnectionIDs(10*time.Minute, []byte("fedcba9876543210"))
	for _, tt := range []struct {
		name string
		ids  *connectionIDs
		addr string
		want bool
	}{
		{"the same address", testIDs, "192.0.2.1", true},
		{"its IPv6-mapped form", testIDs, "::ffff:192.0.2.1", true},
		{"after a restart", restarted, "192.0.2.1", true},
		{"another address", testIDs, "192.0.2.2", false},
		{"the same bytes as IPv6", testIDs, "c000:201::", false},
		{"another secret", stranger, "192.0.2.1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.ids.valid(id, mapped(tt.addr), now); got != tt.want {
				t.Errorf("valid is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestConnectionIDDiffersByAddressAndSlot(t *testing.T) {
	given := make(map[uint64]bool)
	const addresses, slots = 1000, 50
	for a := range addresses {
		addr := mapped("2001:db8::")
		binary.BigEndian.PutUint16(addr[14:], uint16(a))
		for s := range slots {
			id := testIDs.id(addr, uint64(s))
			if id == 0 {
				t.Fatal("an id is 0")
			}
			given[id] = true
		}
	}
	if len(given) != addresses*slots {
		t.Errorf("%d different ids, want %d", len(given), addresses*slots)
	}
}

func TestForgedConnectionIDsAreRefused(t *testing.T) {
	client := mapped("192.0.2.1")
	now := testIDs.slot(testTime)
	good := testIDs.id(client, now)
	for bit := range 64 {
		if testIDs.valid(good^1<<bit, client, now) {
			t.Errorf("valid with bit %d flipped", bit)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		if id := r.Uint64(); testIDs.valid(id, client, now) {
			t.Fatalf("%016x is valid", id)
		}
	}
	for _, id := range []uint64{0, bep15.Magic, ^uint64(0)} {
		if testIDs.valid(id, client, now) {
			t.Errorf("%016x is valid", id)
		}
	}
}

// secretsOf returns secrets named by a digit each.
func secretsOf(digits string) (secrets [][]byte) {
	for _, d := range digits {
		secrets = append(secrets, bytes.Repeat([]byte(string(d)), minSecretSize))
	}
	return secrets
}

// TestReplacedSecrets: ids given before outlive a change for as long as they would have
// lasted, and no id is taken that was made later.
func TestReplacedSecrets(t *testing.T) {
	client := mapped("192.0.2.1")
	const lifetime, slot = 10 * time.Minute, 150 * time.Second
	type change struct {
		secrets string
		at      time.Duration
	}
	for _, tt := range []struct {
		name         string
		changes      []change // after the secret 1
		secret       string   // of the id
		given, asked time.Duration
		want         bool
	}{
		{"the new one gives", []change{{"2", 0}}, "2", slot, slot, true},
		{"any one in force is taken", []change{{"21", 0}}, "1", 20 * slot, 20 * slot, true},
		{"given before, at once", []change{{"2", slot}}, "1", 0, slot, true},
		{"given before, at the lifetime", []change{{"2", slot}}, "1", slot - 1, slot - 1 + lifetime, true},
		{"given before, past five quarters", []change{{"2", slot}}, "1", 0, 5 * slot, false},
		{"given as of a clock a little ahead", []change{{"2", 0}}, "1", slot, slot - 1, true},
		{"given later", []change{{"2", 0}}, "1", 2 * slot, 2 * slot, false},
		{"all rounds of a change of keys", []change{{"12", 0}, {"21", 1}, {"2", 2}}, "1", 0, lifetime, true},
		{"dropped, and in force again", []change{{"2", 0}, {"1", slot}}, "1", 9 * slot, 9 * slot, true},
		{"dropped long before another change", []change{{"2", 0}, {"3", 9 * slot}}, "1", slot, 2 * slot, false},
		{"dropped for the second time", []change{{"2", 0}, {"1", slot}, {"2", 2 * slot}}, "1", 2 * slot, 5 * slot, true},
		{"three changes at once", []change{{"2", 0}, {"3", 1}, {"4", 2}}, "1", 0, slot, true},
		{"the fourth is too much", []change{{"2", 0}, {"3", 1}, {"4", 2}, {"5", 3}}, "1", 0, slot, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids := newConnectionIDs(lifetime, secretsOf("1")...)
			for _, c := range tt.changes {
				ids = ids.replacedBy(secretsOf(c.secrets), testTime.Add(c.at))
				if n := 1 + len(ids.others); n > maxSecrets {
					t.Fatalf("%d secrets are in use", n)
				}
			}
			id := newConnectionIDs(lifetime, secretsOf(tt.secret)...).id(client, ids.slot(testTime.Add(tt.given)))
			if got := ids.valid(id, client, ids.slot(testTime.Add(tt.asked))); got != tt.want {
				t.Errorf("valid is %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzConnectionID(f *testing.F) {
	f.Add(testSecret, []byte("192.0.2.1"), uint64(0), uint64(7))
	f.Fuzz(func(t *testing.T, secret, from []byte, slot, forged uint64) {
		ids := newConnectionIDs(time.Minute, secret)
		var addr [16]byte
		copy(addr[:], from)
		id := ids.id(addr, slot)
		if id == 0 {
			t.Fatal("id is 0")
		}
		for later := range uint64(2 * (slotMask + 1)) {
			if got, want := ids.valid(id, addr, slot+later), later <= slotsPerLifetime; got != want {
				t.Errorf("valid %d slots later is %v, want %v", later, got, want)
			}
		}
		if !ids.valid(id, addr, slot-1) || ids.valid(id, addr, slot-2) {
			t.Error("not valid exactly one slot early")
		}
		if forged&slotMask == id&slotMask && forged != id && ids.valid(forged, addr, slot) {
			t.Errorf("%016x is valid as well as %016x", forged, id)
		}
		next := ids.replacedBy([][]byte{append([]byte("not "), secret...)}, time.Unix(0, int64(slot%1e6)*int64(ids.slotLength)))
		for later := range uint64(2 * (slotMask + 1)) {
			id := ids.id(addr, slot%1e6)
			if got, want := next.valid(id, addr, slot%1e6+later), later <= slotsPerLifetime; got != want {
				t.Errorf("valid %d slots after a change is %v, want %v", later, got, want)
			}
			id = ids.id(addr, slot%1e6+2+later)
			if next.valid(id, addr, slot%1e6+2+later) {
				t.Errorf("an id made %d slots after a change is valid", 2+later)
			}
		}
	})
}

func BenchmarkConnectionID(b *testing.B) {
	client := mapped("192.0.2.1")
	now := testIDs.slot(testTime)
	id := testIDs.id(client, now)
	b.Run("give", func(b *testing.B) {
		for b.Loop() {
			id = testIDs.id(client, now)
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if !testIDs.valid(id, client, now) {
				b.Fatal("not valid")
			}
		}
	})
	for _, secrets := range []string{"2", "23", "234"} {
		ids := newConnectionIDs(10*time.Minute, secretsOf("1")...).replacedBy(secretsOf(secrets), testTime)
		b.Run(fmt.Sprintf("refuse with %d secrets", 1+len(ids.others)), func(b *testing.B) {
			for b.Loop() {
				if ids.valid(id, client, now) {
					b.Fatal("valid")
				}
			}
		})
	}
}
