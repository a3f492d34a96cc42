package diff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/golden"
	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// The three ways to know a rewrite agree on every golden: the source, the rewritten text,
// the binary with its map.
func TestSidesOfGoldens(t *testing.T) {
	paths, err := filepath.Glob("../../golden/testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens (%v)", err)
	}
	compared := 0
	for _, path := range paths {
		c, err := golden.ReadCase(path)
		if err != nil {
			t.Fatal(err)
		}
		opts := c.Options
		opts.After = ""
		m, err := wat.Parse(c.Name()+".wat", c.Member("in.wat"))
		if err != nil || check.Module(m) != nil {
			continue // a golden of an error
		}
		if _, err := rewrite.Rewrite(m, opts); err == nil {
			compared++
			agree(t, m, opts)
		}
	}
	if compared < len(paths)/2 {
		t.Errorf("only %d of %d goldens were compared", compared, len(paths))
	}
}

// They agree on modules that compilers made.
func TestSidesOfModules(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*/*.wasm")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no modules (%v)", err)
	}
	most := 100 << 10 // bytes of a module; larger ones take long as texts
	if corpus := os.Getenv("WATFIBER_CORPUS"); corpus != "" {
		more, err := filepath.Glob(filepath.Join(corpus, "*", "*.wasm"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no modules in %s (%v)", corpus, err)
		}
		paths = append(paths, more...)
		most = 400 << 10
	}
	code := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > most {
			continue
		}
		m, err := binary.Decode(filepath.Base(path), string(data))
		if err != nil {
			t.Fatal(err)
		}
		m = parsed(t, m.Source.Name, wat.Print(m))
		for _, opts := range []rewrite.Options{{}, {Suspend: []string{"env.*"}}, {Suspend: []string{"wasi_snapshot_preview1.fd_write"}, Shape: rewrite.Plain}} {
			n := agree(t, m, opts)
			if code += n; n > 0 {
				break
			}
		}
	}
	if code < 400 {
		t.Errorf("only %d functions got code", code)
	}
}

// They agree whatever the options are.
func TestSidesOfOptions(t *testing.T) {
	data, err := os.ReadFile("../../examples/c/kernels-O2.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode("kernels-O2.wasm", string(data))
	if err != nil {
		t.Fatal(err)
	}
	m = parsed(t, m.Source.Name, wat.Print(m))
	suspend := []string{"env.yield"}
	for _, opts := range []rewrite.Options{
		{Suspend: suspend, Optimize: rewrite.ForSpeed},
		{Suspend: suspend, Optimize: rewrite.ForSize},
		{Suspend: suspend, Shape: rewrite.Plain},
		{Suspend: suspend, Asserts: true},
		{Suspend: suspend, Guard: true},
	} {
		if agree(t, m, opts) == 0 {
			t.Error("no function got code")
		}
	}
}

// agree checks that text and binary say of a rewrite what it says itself.
func agree(t *testing.T, m *wat.Module, opts rewrite.Options) (instrumented int) {
	t.Helper()
	for _, opts.Frames = range []bool{false, true} {
		e, err := rewrite.Explain(m, opts)
		if err != nil {
			return 0
		}
		instrumented = e.Result.Instrumented
		source := diff.FromSource(e)
		text, err := diff.FromText(parsed(t, m.Source.Name, e.Result.Text))
		if err != nil {
			t.Errorf("%s: %v", m.Source.Name, err)
			continue
		}
		sides := []*diff.Side{text}
		if opts.Frames {
			decoded, err := binary.Decode(m.Source.Name, string(binary.Encode(e.Result.Module)))
			if err != nil {
				t.Fatal(err)
			}
			mapped, err := diff.FromBinary(decoded)
			if err != nil {
				t.Errorf("%s: %v", m.Source.Name, err)
				continue
			}
			sides = append(sides, mapped)
		}
		for _, side := range sides {
			sameFacts(t, source, side)
			if d := diff.Compare(source, side); !d.Same() {
				var b strings.Builder
				d.Print(&b)
				t.Errorf("%s as a source and as a %s differ:\n%.2000s", m.Source.Name, side.Kind, &b)
			}
		}
	}
	return instrumented
}

func parsed(t *testing.T, name, text string) *wat.Module {
	t.Helper()
	m, err := wat.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sameFacts checks that two sides say the same of each function.
func sameFacts(t *testing.T, want, got *diff.Side) {
	t.Helper()
	what := fmt.Sprintf("%s, %s", want.Name, got.Kind)
	if len(want.Funcs) != len(got.Funcs) || want.Runtime != got.Runtime {
		t.Errorf("%s: %d functions and %d bytes of the runtime, not %d and %d", what, len(got.Funcs), got.Runtime, len(want.Funcs), want.Runtime)
		return
	}
	facts := func(f *diff.Func) string {
		var b strings.Builder
		fmt.Fprintln(&b, f.Name, f.Code, f.After, f.Frame, f.NumSites)
		if got.Kind == diff.Text {
			fmt.Fprintln(&b, strings.ReplaceAll(f.Why, "function ", "$f"), f.Before)
		}
		for k, s := range f.Sites {
			calls, _, _ := strings.Cut(s.Calls, ", type")
			fmt.Fprintln(&b, k, strings.ReplaceAll(calls, "function ", "$f"))
		}
		return b.String()
	}
	for i := range want.Funcs {
		if w, g := facts(want.Funcs[i]), facts(got.Funcs[i]); w != g {
			t.Errorf("%s: %s is said to be\n%.1000snot\n%.1000s", what, want.Funcs[i].Label, g, w)
			return
		}
	}
}
