package golden

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/google/go-cmp/cmp"
)

// An Engine is a way to execute modules.
type Engine struct {
	Name   string
	Config func() wazero.RuntimeConfig
}

// Engines returns the engines that work on this machine.
func Engines() []Engine {
	engines := []Engine{{"interpreter", wazero.NewRuntimeConfigInterpreter}}
	if compilerSupported() {
		engines = append(engines, Engine{"compiler", wazero.NewRuntimeConfigCompiler})
	}
	return engines
}

// Prepare compiles programs. As long as the configuration is not released, what
// is executed with it does not compile them again.
func (e Engine) Prepare(ctx context.Context, programs ...Program) (config wazero.RuntimeConfig, release func(), err error) {
	cache := wazero.NewCompilationCache()
	config = e.Config().WithCompilationCache(cache)
	rt := wazero.NewRuntimeWithConfig(ctx, config) // a cache keeps what somebody uses
	release = func() {
		_ = rt.Close(ctx)
		_ = cache.Close(ctx)
	}
	for _, p := range programs {
		if _, err := rt.CompileModule(ctx, p.Binary); err != nil {
			release()
			return nil, nil, err
		}
	}
	return config, release, nil
}

// compilerSupported reports whether wazero can compile for this machine.
func compilerSupported() (ok bool) {
	defer func() { ok = recover() == nil }()
	ctx := context.Background()
	_ = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler()).Close(ctx)
	return true
}

// A NamedSchedule is a schedule with a name for messages.
type NamedSchedule struct {
	Name string
	Schedule
}

// Schedules returns the schedules that a rewritten program is run under: never
// suspended, at every call, and at random ones.
func Schedules() []NamedSchedule {
	all := []NamedSchedule{
		{"never suspended", func(int) bool { return false }},
		{"suspended at every call", func(int) bool { return true }},
		{"suspended at every second call", func(n int) bool { return n%2 == 1 }},
	}
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		var coins []bool
		all = append(all, NamedSchedule{fmt.Sprintf("suspended at random, seed %d", seed), func(n int) bool {
			for len(coins) <= n {
				coins = append(coins, r.IntN(2) == 0)
			}
			return coins[n]
		}})
	}
	return all
}

// Equivalent executes calls in the original and in the rewritten program, on all
// engines and under all schedules, and returns a description of the first
// difference, or nil. It returns the outcome of the original.
func Equivalent(ctx context.Context, original, rewritten Program, calls []Call) (*Outcome, error) {
	var first *Outcome
	for _, engine := range Engines() {
		want, err := EquivalentOn(ctx, engine, Schedules(), original, rewritten, calls)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = want
		}
	}
	return first, nil
}

// EquivalentOn is Equivalent on one engine and under some schedules.
func EquivalentOn(ctx context.Context, engine Engine, schedules []NamedSchedule, original, rewritten Program, calls []Call) (*Outcome, error) {
	config, release, err := engine.Prepare(ctx, original, rewritten)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", engine.Name, err)
	}
	defer release()
	want, err := Execute(ctx, config, original, calls)
	if err != nil {
		return nil, fmt.Errorf("%s, original: %w", engine.Name, err)
	}
	for _, schedule := range schedules {
		p := rewritten
		p.Schedule = schedule.Schedule
		got, err := Execute(ctx, config, p, calls)
		if err == nil {
			err = compare(want, got)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", engine.Name, schedule.Name, err)
		}
	}
	return want, nil
}

// compare returns how two outcomes differ.
func compare(want, got *Outcome) error {
	for _, part := range []struct {
		name      string
		want, got []string
	}{
		{"results", want.Results, got.Results},
		{"host calls", want.Trace, got.Trace},
		{"globals", want.Globals, shared(got.Globals, want.Globals)},
	} {
		if diff := cmp.Diff(part.want, part.got); diff != "" {
			return fmt.Errorf("%s differ (-original +rewritten):\n%s", part.name, diff)
		}
	}
	if len(want.Memory) != len(got.Memory) {
		return fmt.Errorf("memory has %d bytes, not %d", len(got.Memory), len(want.Memory))
	}
	if !slices.Equal(want.Memory, got.Memory) {
		return fmt.Errorf("memory differs: %s", strings.Join(differences(want.Memory, got.Memory), ", "))
	}
	return nil
}

// shared leaves out globals that only the rewritten module exports.
func shared(got, want []string) []string {
	exported := map[string]bool{}
	for _, g := range want {
		exported[globalName(g)] = true
	}
	var both []string
	for _, g := range got {
		if exported[globalName(g)] {
			both = append(both, g)
		}
	}
	return both
}

func globalName(outcome string) string {
	name, _, _ := strings.Cut(outcome, " = ")
	return name
}

// differences lists the first few bytes that differ.
func differences(want, got []byte) []string {
	var all []string
	for i := range want {
		if want[i] != got[i] {
			if all = append(all, fmt.Sprintf("%#x is %#02x, not %#02x", i, got[i], want[i])); len(all) == 8 {
				break
			}
		}
	}
	return all
}
