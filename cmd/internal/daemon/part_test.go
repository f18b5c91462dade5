package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// scripted is a part that notes when it stops.
type scripted struct {
	silent
	name  string
	fails chan error // what it ends with before its time
	ended func(name string)
}

func (s *scripted) Run(ctx context.Context) (err error) {
	select {
	case <-ctx.Done():
	case err = <-s.fails:
	}
	s.ended(s.name)
	return err
}

// TestStagesStopInOrder: the front stops before the back, whoever it is that begins.
func TestStagesStopInOrder(t *testing.T) {
	errBroken := errors.New("broken")
	for name, test := range map[string]struct {
		failing string // empty: a signal ends all
		want    string
	}{
		"signal":     {"", "front back outer"},
		"front":      {"front", "front back outer"},
		"back":       {"back", "back front outer"},
		"outer":      {"outer", "outer front back"},
		"empty back": {"", "front outer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				order := make(chan string, 3)
				parts := map[string]*scripted{}
				stageOf := func(s string) stage {
					parts[s] = &scripted{name: s, fails: make(chan error), ended: func(s string) { order <- s }}
					return stage{parts[s]}
				}
				s := stages{front: stageOf("front"), back: stageOf("back"), outer: stageOf("outer")}
				if !strings.Contains(test.want, "back") {
					s.back = nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() {
					done <- s.outer.around(ctx, func(ctx context.Context) error {
						return s.back.around(ctx, func(ctx context.Context) error { return s.front.around(ctx, untilDone) })
					})
				}()
				synctest.Wait()
				if len(order) != 0 {
					t.Fatal("stopped at once")
				}
				if test.failing != "" {
					parts[test.failing].fails <- errBroken
				} else {
					cancel()
				}
				err := <-done
				cancel()
				if errors.Is(err, errBroken) != (test.failing != "") || test.failing == "" && err != nil {
					t.Errorf("ended with %v", err)
				}
				close(order)
				var got []string
				for s := range order {
					got = append(got, s)
				}
				if strings.Join(got, " ") != test.want {
					t.Errorf("stopped in order %v, want %s", got, test.want)
				}
			})
		})
	}
}
