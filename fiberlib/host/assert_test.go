package host_test

import (
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/fiberlib/host"
	"github.com/watfiber/watfiber/rewrite"
)

// An assertion that fails is a typed error, which names the function and the flag.
func TestAssertions(t *testing.T) {
	for _, v := range variants {
		removed, export := "sum", "sum"
		if strings.HasSuffix(v.module, ".fibers") {
			removed, export = "lengths", "sum_of_lengths" // an entry of a fiber: an export that is removed is not a main fiber
		}
		for _, c := range []struct {
			name, export string
			opts         rewrite.Options
			assertion    fiberlib.Assertion
			message      string
		}{
			{
				"not listed", "sum",
				rewrite.Options{Lists: rewrite.Lists{Add: []string{"sum"}}},
				fiberlib.Assertion{Kind: fiberlib.AssertNotListed, Function: "sum", Callee: "env.fetch"},
				"sum: a call of env.fetch suspended in $sum, but env.fetch is not listed: --suspend=env.fetch",
			},
			{
				"removed", export,
				rewrite.Options{Suspend: []string{"env.fetch"}, Lists: rewrite.Lists{Remove: []string{removed}}},
				fiberlib.Assertion{Kind: fiberlib.AssertRemoved, Function: removed, Callee: "env.fetch"},
				export + ": a call of env.fetch suspended in $" + removed + ", which the list of functions to remove says never suspends: take " + removed + " out of --remove",
			},
		} {
			t.Run(v.name+"/"+c.name, func(t *testing.T) {
				s := newHost(t, v.config(), host.Config{})
				c.opts.ExportStack, c.opts.Asserts = true, true
				s.instantiate(serverModule(t, v.module, c.opts))
				_, err := s.Call(t.Context(), c.export, 3)
				e := wantError[*host.AssertError](t, err)
				if e.Export != c.export || e.Assertion != c.assertion {
					t.Errorf("%s: %+v", e.Export, e.Assertion)
				}
				if e.Error() != c.message || !strings.Contains(e.Err.Error(), "wasm stack trace") {
					t.Errorf("the error is %v, because of %v", e, e.Err)
				}
			})
		}
	}
}

// A module with assertions does what it should; frames that do not fit are both an
// overflow and an assertion, which says whose they are.
func TestAssertedModules(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			s := newHost(t, v.config(), host.Config{StackSize: 8192})
			s.instantiate(serverModule(t, v.module, rewrite.Options{Suspend: []string{"env.fetch"}, ExportStack: true, Asserts: true}))
			calls := make([]*host.Call, 100)
			for i := range calls {
				calls[i] = s.Go(t.Context(), "sum", uint64(i%5))
			}
			for i, c := range calls {
				want(t, c, sumOf(i%5))
			}
			for depth := 20; ; depth++ {
				_, err := s.Call(t.Context(), "deep", uint64(depth))
				if err == nil {
					continue
				}
				overflow := wantError[*host.OverflowError](t, err)
				assert := wantError[*host.AssertError](t, err)
				if a := assert.Assertion; a.Kind != fiberlib.AssertOverflow || a.Function != "deep" || a.Bytes == 0 || overflow.Used != 8192+a.Bytes {
					t.Errorf("%+v, %v", overflow, a)
				}
				return
			}
		})
	}
}

// A module that was instantiated otherwise gets its names with its frames.
func TestAssertionsOfAttachedModules(t *testing.T) {
	ctx := t.Context()
	wasm := serverModule(t, "server", rewrite.Options{Lists: rewrite.Lists{Add: []string{"sum"}}, ExportStack: true, Asserts: true, Frames: true})
	for _, named := range []bool{false, true} {
		s := newHost(t, wazero.NewRuntimeConfigInterpreter().WithCustomSections(true), host.Config{})
		compiled, err := s.rt.CompileModule(ctx, wasm)
		if err != nil {
			t.Fatal(err)
		}
		s.instantiate(wasm) // which defines what the host provides
		m, err := s.rt.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("another").WithStartFunctions())
		if err != nil {
			t.Fatal(err)
		}
		inst, err := s.h.Attach(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		if named {
			if err := inst.SetFrames(compiled.CustomSections()); err != nil {
				t.Fatal(err)
			}
		}
		_, err = inst.Call(ctx, "sum", 1)
		if e := wantError[*host.AssertError](t, err); named != (e.Assertion.Callee == "env.fetch") || e.Assertion.Kind != fiberlib.AssertNotListed {
			t.Errorf("named: %v, the error is %v", named, err)
		}
	}
}
