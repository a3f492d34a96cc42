package golden

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// TestGenerated rewrites modules that were drawn at random, in both shapes, with
// assertions, with hot copies of some functions and of all, and with probes, checks all
// promises and executes them. A failure prints the smallest module found that has it, and
// what became of that.
func TestGenerated(t *testing.T) {
	programs := rapid.Custom(drawProgram)
	rapid.Check(t, func(t *rapid.T) {
		p := programs.Draw(t, "program")
		source, err := Load("in.wat", p.text)
		if err != nil {
			t.Fatalf("the generator is wrong: %v", err)
		}
		for _, opts := range []rewrite.Options{{Shape: rewrite.Moved}, {Shape: rewrite.Plain}, {Asserts: true}, {Optimize: rewrite.ForSpeed}, {Hot: []string{"*"}}, {Probes: true}} {
			opts.Suspend = []string{"env.sleep", "env.wait"}
			if out, err := rewriteAndRun(source, opts, p.calls); err != nil {
				t.Fatalf("%v\n-- out.wat --\n%s", err, out)
			}
		}
	})
}

// A drawnProgram is a module and the calls to make.
type drawnProgram struct {
	text  string
	calls []Call
}

// GoString is how a failing test shows the program.
func (p drawnProgram) GoString() string { return fmt.Sprintf("%v\n-- in.wat --\n%s", p.calls, p.text) }

func drawProgram(t *rapid.T) drawnProgram {
	g := drawModule(t)
	p := drawnProgram{text: strings.Join(g.lines, "\n") + "\n"}
	for i, sig := range g.sigs {
		if !g.exported(i) {
			continue
		}
		call := Call{Name: fmt.Sprintf("f%d", i)}
		for _, typ := range sig.Params {
			call.Args = append(call.Args, fromFloat(typ, float64(rapid.IntRange(-3, 60).Draw(t, "argument"))))
		}
		p.calls = append(p.calls, call)
	}
	return p
}

// rewriteAndRun checks all promises of a rewrite. It returns the text of the
// result.
func rewriteAndRun(source *wat.Module, opts rewrite.Options, calls []Call) (string, error) {
	r, err := Promises(source, opts)
	if err != nil {
		if r != nil {
			return r.Text, err
		}
		return "", err
	}
	original := Program{Module: source, Binary: binary.Encode(source)}
	rewritten := Program{Module: r.Module, Binary: binary.Encode(r.Module), Suspending: rewrite.Suspending(opts.Suspend)}
	for i, engine := range Engines() {
		schedules := Schedules()
		if i > 0 {
			schedules = schedules[:2] // compiling takes long, and the engines seldom differ
		}
		if _, err := EquivalentOn(context.Background(), engine, schedules, original, rewritten, calls); err != nil {
			return r.Text, fmt.Errorf("shape %d, optimized for %d: %w", opts.Shape, opts.Optimize, err)
		}
	}
	return r.Text, nil
}
