package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/fiberlib/host"
)

// An event is what happens at one fetch of a call.
type event int

const (
	eventValue   event = iota // a value comes at once
	eventLate                 // after some others
	eventCall                 // a call of the same instance is made first
	eventError                // the host function fails
	eventPanic                // it panics
	eventCancel               // the call is cancelled
	eventTimeout              // its deadline passes
	numEvents
)

// A script says what happens at the fetches of one call, one after the other.
type script struct {
	events []event
	next   int
	cancel context.CancelFunc
}

type scriptKey struct{}

// model returns what a call ends with: nil for its result.
func (s *script) model(fetches int) error {
	for _, e := range s.events[:fetches] {
		switch e {
		case eventError:
			return io.ErrUnexpectedEOF
		case eventPanic:
			return errPanic
		case eventCancel:
			return context.Canceled
		case eventTimeout:
			return context.DeadlineExceeded
		}
	}
	return nil
}

var errPanic = errors.New("a panic")

// fetch does what the script in the context says.
func (s *server) scripted(ctx context.Context, key string) (string, error) {
	script, _ := ctx.Value(scriptKey{}).(*script)
	if script == nil { // a worker fetches, for whoever has sent a job
		time.Sleep(time.Duration(len(key)) * time.Microsecond)
		return valueOf(key), nil
	}
	script.next++
	switch script.events[script.next-1] {
	case eventLate:
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
	case eventCall:
		if r, err := s.Call(context.Background(), "take", 0); err != nil {
			return "", err
		} else if _, err := s.Call(context.Background(), "give", r[0]); err != nil {
			return "", err
		}
	case eventError:
		return "", io.ErrUnexpectedEOF
	case eventPanic:
		panic(errPanic)
	case eventCancel:
		script.cancel()
		return valueOf(key), nil // which comes too late
	case eventTimeout:
		<-ctx.Done()
		return "", ctx.Err()
	}
	return valueOf(key), nil
}

// operations are the calls that the soak makes: fetches says how many fetches a call with
// an argument makes, and result what it returns.
var operations = []struct {
	name            string
	fibers          bool
	fetches, result func(n int) int
}{
	{"sum", false, func(n int) int { return n + 1 }, sumOf},
	{"deep", false, func(int) int { return 1 }, func(n int) int { return len("value of key-1") + n + 1 }},
	{"grow", false, func(int) int { return 2 }, func(int) int { return 'e' }},
	{"sum_of_lengths", true, func(n int) int { return n + 1 }, func(n int) int { return (n + 1) * len("value of key-1") }},
	{"sum_by_worker", true, func(int) int { return 0 }, sumOf},
}

// Random calls suspend, fail and are cancelled at random, many at a time; each ends as a
// model of a few lines says.
func TestSoak(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, n int) {
		fibers := strings.HasSuffix(t.Name(), "fibers")
		if fibers {
			if _, err := s.Call(t.Context(), "start", 4); err != nil {
				t.Fatal(err)
			}
		}
		s.set(s.scripted)
		const lines = 40
		var all sync.WaitGroup
		for line := range lines {
			all.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(line)))
				for range n / 5 / lines {
					s.soak(t, random, fibers)
				}
			})
		}
		all.Wait()
		if fibers {
			if _, err := s.Call(t.Context(), "stop"); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s.Go(context.WithValue(t.Context(), scriptKey{}, &script{events: make([]event, 4)}), "sum", 3), sumOf(3))
	})
}

// soak makes one random call and compares its end with the model's.
func (s *server) soak(t *testing.T, random *rand.Rand, fibers bool) {
	op := operations[random.IntN(len(operations))]
	for op.fibers && !fibers {
		op = operations[random.IntN(len(operations))]
	}
	n := random.IntN(6)
	play := &script{events: make([]event, op.fetches(n))}
	for k := range play.events {
		if play.events[k] = event(random.IntN(2)); random.IntN(8) == 0 {
			play.events[k] = event(random.IntN(int(numEvents)))
		}
	}
	expected := play.model(op.fetches(n))
	ctx := context.WithValue(t.Context(), scriptKey{}, play)
	if errors.Is(expected, context.DeadlineExceeded) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond) // passes at the fetch, or before
		defer cancel()
	}
	ctx, play.cancel = context.WithCancel(ctx)
	defer play.cancel()
	results, err := s.Call(ctx, op.name, uint64(n))
	what := fmt.Sprintf("%s(%d) with %v", op.name, n, play.events)
	switch {
	case !errors.Is(err, expected):
		t.Errorf("%s: the error is %v, not %v", what, err, expected)
	case err == nil && int(int32(results[0])) != op.result(n):
		t.Errorf("%s: the result is %d, not %d", what, int32(results[0]), op.result(n))
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		if !errors.As(err, new(*host.CancelledError)) {
			t.Errorf("%s: the error is %v", what, err)
		}
	case err != nil && !errors.As(err, new(*host.HostError)):
		t.Errorf("%s: the error is %v", what, err)
	}
}

// However calls end, their memory is used again.
func TestMemoryIsUsedAgain(t *testing.T) {
	eachVariant(t, func(t *testing.T, s *server, n int) {
		size := func() (n uint32) {
			_ = s.Do(t.Context(), func(m api.Module) error { n = m.Memory().Size(); return nil })
			return n
		}
		first := uint32(0)
		for round := range 10 {
			g := newGate()
			s.set(g.fetch)
			ctx, cancel := context.WithCancel(t.Context())
			var calls []*host.Call
			for k := range n / 50 {
				calls = append(calls, s.Go(ctx, "sum", uint64(k%3)))
			}
			g.await(t, len(calls))
			if round%2 == 0 {
				cancel()
			} else {
				close(g.open)
			}
			for _, c := range calls {
				_, err := c.Wait()
				if (err != nil) != (round%2 == 0) {
					t.Fatal(err)
				}
			}
			cancel()
			left := func(c *host.Call) bool { _, suspended := c.Region(); return suspended }
			until(t, func() bool { return !slices.ContainsFunc(calls, left) }, func() string { return "a call is suspended still" })
			if round == 1 {
				first = size()
			} else if now := size(); round > 1 && now > first+first/4 {
				t.Fatalf("the memory has grown from %d to %d bytes", first, now)
			}
		}
	})
}

// Random calls wait for each other in the module: for a mutex that is held while the host
// is asked, for a word that another call says, for workers and for a time. Those that
// listen or sleep are cancelled at random; whatever they hold then they give back.
func TestSoakInTheModule(t *testing.T) {
	withFibers(t, func(t *testing.T, s *server, n int) {
		if _, err := s.Call(t.Context(), "start", 3); err != nil {
			t.Fatal(err)
		}
		s.set(func(_ context.Context, key string) (string, error) {
			time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
			return valueOf(key), nil
		})
		random := rand.New(rand.NewPCG(2, 2))
		var listeners, sure []*host.Call
		var results []int // of the sure ones, 0 for none that is known
		balance := 0
		expect := func(result int, name string, args ...uint64) {
			sure, results = append(sure, s.Go(t.Context(), name, args...)), append(results, result)
		}
		for range n / 10 {
			switch k := random.IntN(6); random.IntN(7) {
			case 0:
				balance += k
				expect(0, "add", uint64(k))
			case 1:
				expect(sumOf(k), "sum_by_worker", uint64(k))
			case 2:
				expect((k+1)*len("value of key-1"), "sum_of_lengths", uint64(k))
			case 3:
				listeners = append(listeners, s.Go(t.Context(), "listen"), s.Go(t.Context(), "nap", uint64(k)))
			case 4:
				c := s.Go(t.Context(), []string{"listen", "nap"}[k%2], []uint64{3}[:k%2]...)
				time.AfterFunc(time.Duration(random.IntN(300))*time.Microsecond, func() { c.Cancel(nil) })
			case 5:
				expect(0, "say", uint64(k))
			case 6:
				time.Sleep(time.Duration(random.IntN(100)) * time.Microsecond)
			}
		}
		for k, c := range sure {
			got, err := c.Wait()
			if err != nil || results[k] != 0 && int(got[0]) != results[k] {
				t.Fatalf("call %d: %v, not %d: %v", k, got, results[k], err)
			}
		}
		if _, err := s.Call(t.Context(), "say", 9); err != nil {
			t.Fatal(err)
		}
		for _, c := range listeners {
			if got, err := c.Wait(); err != nil || got[0] > 9 {
				t.Fatalf("a listener ends with %v, %v", got, err)
			}
		}
		want(t, s.Go(t.Context(), "get_balance"), balance)
		want(t, s.Go(t.Context(), "add", 1), balance+1)
	})
}
