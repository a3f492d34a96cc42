package host_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

// A suspended call says which functions it is in: sum(3) has called itself twice when it
// asks for the third key.
func TestStackOfACall(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			s := newHost(t, v.config(), host.Config{})
			blocked, open := make(chan struct{}), make(chan struct{})
			s.set(func(ctx context.Context, key string) (string, error) {
				if key == "key-1" {
					close(blocked)
					<-open
				}
				return valueOf(key), nil
			})
			s.instantiate(serverModule(t, v.module, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true, Frames: true}))
			c := s.Go(t.Context(), "sum", 3)
			<-blocked
			waitSuspended(t, c)
			frames, err := c.Stack()
			if err != nil {
				t.Fatal(err)
			}
			names := namesOf(frames)
			if n := len(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name != "sum" })); n != 3 || frames[0].Callee != "env.fetch" {
				t.Errorf("the stack is %v, in %s", names, frames[0].Callee)
			}
			if fibers := s.Fibers(); len(fibers) > 0 && !slices.Equal(names, namesOf(fibers[0].Stack)) {
				t.Errorf("of all fibers, the stack is %v, not %v", namesOf(fibers[0].Stack), names)
			}
			close(open)
			want(t, c, sumOf(3))
			if _, err := c.Stack(); !errors.Is(err, host.ErrNotSuspended) {
				t.Errorf("of a call that is over: %v", err)
			}
		})
	}
}

// A module that does not tell what its frames hold.
func TestNoStack(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, _ int) {
		g := newGate()
		s.set(g.fetch)
		c := s.Go(t.Context(), "sum", 1)
		g.await(t, 1)
		if _, err := c.Stack(); !errors.Is(err, host.ErrNoFrames) {
			t.Errorf("without a map: %v", err)
		}
		close(g.open)
		want(t, c, sumOf(1))
	})
}

func namesOf(frames []fiberlib.Frame) []string {
	var names []string
	for _, f := range frames {
		names = append(names, f.Function)
	}
	return names
}
