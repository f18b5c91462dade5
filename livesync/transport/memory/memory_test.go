package memory

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/transporttest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{"to one": {}, "to all": {Broadcast: true}, "shared": {Broadcast: true, Shared: true}, "ordered": {Ordered: true}} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(*testing.T) (a, b transport.Transport) {
				o.Limits = transport.Limits{MaxPacket: 1472}
				n := New(o)
				return n.Join(), n.Join()
			})
		})
	}
}

// arrived returns what has arrived at a port, as one byte each, and how often
// the sender was foreign.
func arrived(t *testing.T, p *Port) (got string, foreign int) {
	t.Helper()
	buf := make([]byte, 1)
	for len(p.in) > 0 {
		n, _, err := p.Receive(buf)
		if errors.Is(err, transport.ErrForeign) {
			foreign++
		} else if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	return got, foreign
}

// count is the number of packets that a test sends: what chance makes of them is
// the same for the same seed.
const count = 400

func TestLinksDoWhatTheySay(t *testing.T) {
	for name, tt := range map[string]struct {
		link      Link
		ok        func(n int) bool
		ordered   bool
		reordered bool
		foreign   bool
	}{
		"nothing goes wrong": {Link{Latency: time.Millisecond}, func(n int) bool { return n == count }, false, false, false},
		"cut":                {Link{Cut: true, Duplicate: 1}, func(n int) bool { return n == 0 }, false, false, false},
		"loss":               {Link{Loss: 0.25}, func(n int) bool { return n > count/2 && n < count }, false, false, false},
		"duplicates":         {Link{Duplicate: 0.25}, func(n int) bool { return n > count && n < 3*count/2 }, false, false, false},
		"jitter":             {Link{Jitter: time.Second}, func(n int) bool { return n == count }, false, true, false},
		"jitter, in order":   {Link{Jitter: time.Second}, func(n int) bool { return n == count }, true, false, false},
		"foreign":            {Link{Foreign: true}, func(n int) bool { return n == count }, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New(Options{Seed: 1, Link: tt.link, Ordered: tt.ordered})
				a, b := n.Join(), n.Join()
				for i := range count {
					if err := a.Send(transport.All, []byte{byte(i)}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				got, foreign := arrived(t, b)
				reordered := false
				for i := 1; i < len(got); i++ {
					reordered = reordered || int8(got[i]-got[i-1]) < 0
				}
				if !tt.ok(len(got)) || reordered != tt.reordered || (foreign > 0) != tt.foreign {
					t.Errorf("%d of %d arrived, reordered: %t, foreign: %d", len(got), count, reordered, foreign)
				}
			})
		})
	}
}

func TestOnlyTheOneMeantGetsAPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, broadcast := range []bool{false, true} {
			n := New(Options{Broadcast: broadcast})
			a, b, c := n.Join(), n.Join(), n.Join()
			if err := a.Send(b.Endpoint(), []byte("x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			atB, _ := arrived(t, b)
			atC, _ := arrived(t, c)
			if atB != "x" || (atC == "x") != broadcast {
				t.Errorf("broadcast %t: %q and %q", broadcast, atB, atC)
			}
		}
	})
}

func TestAFullQueueLosesAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{})
		a, b := n.Join(), n.Join()
		for range queue + 3 {
			if err := a.Send(transport.All, nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if b.Lost() != 3 || len(b.in) != queue {
			t.Errorf("%d lost, %d wait", b.Lost(), len(b.in))
		}
	})
}

func TestAClosedPortHasLeft(t *testing.T) {
	n := New(Options{})
	a, b := n.Join(), n.Join()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if ports := n.Ports(); len(ports) != 1 || ports[0] != b {
		t.Errorf("%d ports", len(ports))
	}
}

// TestAPortThatIsDisconnected sends nothing and is sent nothing; what was under way is
// lost.
func TestAPortThatIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{Link: Link{Latency: time.Second}})
		a, b := n.Join(), n.Join()
		send := func(from *Port, p string, want error) {
			if err := from.Send(transport.All, []byte(p)); !errors.Is(err, want) {
				t.Errorf("%s: %v", p, err)
			}
		}
		send(a, "1", nil)
		b.Disconnect()
		b.Disconnect() // changes nothing
		send(a, "2", nil)
		send(b, "3", transport.ErrDown)
		down := b.State().Down
		b.Connect()
		b.Connect()
		send(a, "4", nil)
		send(b, "5", nil)
		time.Sleep(time.Minute)
		atA, _ := arrived(t, a)
		atB, _ := arrived(t, b)
		if s := b.State(); atA != "5" || atB != "4" || down == nil || s.Down != nil || s.Rejoined != 1 {
			t.Errorf("%q and %q arrived, down: %v, then %+v", atA, atB, down, s)
		}
	})
}
