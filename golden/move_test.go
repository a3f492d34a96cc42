package golden

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// exportGlobals exports the mutable globals of a module that have names and are not of the
// runtime, so that they can be moved.
func exportGlobals(m *wat.Module) []string {
	var names []string
	for i, g := range m.Globals {
		if g.Import == nil && g.Mutable && g.Name != "" && !strings.HasPrefix(g.Name, "fiber.") {
			names = append(names, movedPrefix+g.Name)
			m.Exports = append(m.Exports, &wat.Export{Name: "moved:" + g.Name, Kind: wat.KindGlobal, Index: uint32(i)})
		}
	}
	return names
}

// insertions are what is put into a generated program, and nobody notices: a call that may
// suspend and is never made, a call of a new function, a local that is read at once.
var insertions = []string{
	"global.get $never\n    if\n      i32.const 1\n      call $sleep\n      drop\n    end",
	"call $unrelated",
	"i32.const 7\n    local.set $extra\n    local.get $extra\n    drop",
	"global.get $never\n    if\n      call $unrelated\n      i32.const 2\n      call $doze\n      drop\n    end",
}

var firstOfFunction = regexp.MustCompile(`(?m)^  \(func \$f\d+ .*\n(?:    \(local .*\n)*`)

// drawEdit edits a generated program.
func drawEdit(t *rapid.T, text string) string {
	text = strings.Replace(text, "  (global $fuel", "  (global $never (mut i32) (i32.const 0))\n  (global $fuel", 1)
	text = strings.Replace(text, "  (func $spend", "  (func $unrelated\n    global.get $never\n    if\n      i32.const 3\n      call $sleep\n      drop\n    end\n  )\n  (func $spend", 1)
	at := firstOfFunction.FindAllStringIndex(text, -1)
	for _, a := range slices.Backward(at) {
		end := a[1] + strings.Index(text[a[1]-1:], "\n  )\n")
		body := strings.SplitAfter(text[a[1]:end], "\n")
		for range rapid.IntRange(0, 2).Draw(t, "insertions") {
			i := rapid.IntRange(0, max(0, len(body)-1)).Draw(t, "place")
			body = slices.Insert(body, i, "    "+rapid.SampledFrom(insertions).Draw(t, "insertion")+"\n")
		}
		text = text[:a[1]] + "    (local $extra i32)\n" + strings.Join(body, "") + text[end:]
	}
	return text
}

// harmless are notes about frames that no execution has: of calls that are never made.
var harmless = regexp.MustCompile(`gets no code|\$unrelated: it is gone|^[^;]* (is|are) gone: to rewind an earlier frame there traps$`)

// Programs that were suspended go on in an instance of the edited program that was pinned to
// them, unless a note says that they cannot.
func TestMovedGenerated(t *testing.T) {
	moved, kept := 0, 0
	programs := rapid.Custom(drawProgram)
	rapid.Check(t, func(t *rapid.T) {
		p := programs.Draw(t, "program")
		p.text = strings.ReplaceAll(p.text, "(global $g.v128 (mut v128)", "(global $g.v128 v128")
		if strings.Contains(p.text, "global.set $g.v128") {
			return // wazero sets no such global from outside
		}
		text := drawEdit(t, p.text)
		old, err := Load("old.wat", p.text)
		if err != nil {
			t.Fatalf("the generator is wrong: %v", err)
		}
		edited, err := Load("new.wat", text)
		if err != nil {
			t.Fatalf("the edit is wrong: %v\n%s", err, text)
		}
		if rapid.Bool().Draw(t, "the other way round") {
			old, edited = edited, old
		}
		opts := rewrite.Options{Suspend: []string{"env.sleep", "env.wait"}, Frames: rapid.Bool().Draw(t, "frames"), Asserts: rapid.Bool().Draw(t, "asserts")}
		opts.Optimize = rapid.SampledFrom([]rewrite.Optimize{rewrite.ForBoth, rewrite.ForSize, rewrite.ForSpeed}).Draw(t, "optimize")
		opts.Shape = rapid.SampledFrom([]rewrite.Shape{rewrite.Moved, rewrite.Plain}).Draw(t, "shape")
		from, err := rewrite.Rewrite(old, opts)
		if err != nil {
			t.Fatal(err)
		}
		earlier, err := wat.Parse("old.wat", from.Text)
		if err != nil {
			t.Fatal(err)
		}
		to, notes, err := pinned(earlier, edited, opts)
		if err != nil {
			t.Fatalf("%v\n%s", err, from.Text)
		}
		again, _ := wat.Parse("new.wat", to.Text)
		if r, notes, err := pinned(again, edited, opts); err != nil || r.Text != to.Text || len(notes) > 0 {
			t.Fatalf("pinned a second time it changes: %v %q\n%s\n-- first --\n%s", err, notes, r.Text, to.Text)
		}
		for _, note := range notes {
			if !harmless.MatchString(note) {
				return
			}
		}
		kept++
		moved += moveAll(t, old, from, to, opts, p.calls)
	})
	if !t.Failed() && moved == 0 {
		t.Error("nothing was moved")
	}
	t.Logf("%d calls went on in another program, where %d programs were pinned without a note", moved, kept)
}

// moveAll suspends a program at each of its first calls that may, moves it, and compares
// what comes out with what comes out without.
func moveAll(t interface{ Fatalf(string, ...any) }, old *wat.Module, from, to *rewrite.Result, opts rewrite.Options, calls []Call) (moved int) {
	exportGlobals(from.Module)
	exportGlobals(to.Module)
	ctx, engine := context.Background(), Engines()[0].Config()
	next := &Program{Module: to.Module, Binary: binary.Encode(to.Module)}
	for at := range 4 {
		program := Program{
			Module: from.Module, Binary: binary.Encode(from.Module), Suspending: rewrite.Suspending(opts.Suspend),
			Schedule: func(n int) bool { return n >= at },
		}
		want, err := Execute(ctx, engine, program, calls)
		if err != nil {
			t.Fatalf("%v", err)
		}
		program.MoveTo = next
		got, err := Execute(ctx, engine, program, calls)
		if err != nil {
			t.Fatalf("moved at call %d: %v\n-- from --\n%s\n-- to --\n%s", at, err, from.Text, to.Text)
		}
		if fmt.Sprint(got.Results, got.Trace) != fmt.Sprint(want.Results, want.Trace) || string(got.Memory) != string(want.Memory) {
			t.Fatalf("moved at call %d: %v, %v\nwithout: %v, %v\n-- from --\n%s\n-- to --\n%s", at, got.Results, got.Trace, want.Results, want.Trace, from.Text, to.Text)
		}
		moved += min(got.Suspends, 1)
	}
	return moved
}

// The C kernels are suspended deep in their recursion and loops, and finish in a build of an
// edited source.
func TestMovedKernels(t *testing.T) {
	data, err := os.ReadFile("../examples/c/kernels-O2.wasm")
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode("kernels.wasm", string(data))
	if err != nil {
		t.Fatal(err)
	}
	text := wat.Print(m)
	old, err := Load("old.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	// A function before all others, and in the functions a call that is not made.
	edited := strings.Replace(text, "  (func $", "  (func $unrelated (param $n i32) (result i32)\n    local.get $n\n    call $host_yield\n  )\n  (func $", 1)
	for _, name := range []string{"queens", "trinkle", "tak", "heapsort", "qsort_r", "smoothsort", "jparse", "jvalue"} {
		at := strings.Index(edited, "  (func $"+name+" ")
		if at < 0 {
			continue
		}
		first := at + regexp.MustCompile(`\n    [a-z]`).FindStringIndex(edited[at:])[0] + 1
		edited = edited[:first] + "    i32.const 0\n    if\n      i32.const 9\n      call $unrelated\n      drop\n    end\n" + edited[first:]
	}
	now, err := Load("new.wat", edited)
	if err != nil {
		t.Fatal(err)
	}
	opts := rewrite.Options{Suspend: []string{"env.yield"}, Frames: true}
	from, err := rewrite.Rewrite(old, opts)
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := binary.Decode("old.wasm", string(binary.Encode(from.Module)))
	if err != nil {
		t.Fatal(err)
	}
	to, notes, err := pinned(earlier, now, opts)
	if err != nil {
		t.Fatal(err)
	}
	unpinned, err := rewrite.Rewrite(now, opts)
	if err != nil {
		t.Fatal(err)
	}
	if unpinned.Text == to.Text {
		t.Error("the edit renumbers nothing")
	}
	for _, note := range notes {
		t.Log(note)
	}
	exportGlobals(from.Module)
	exportGlobals(to.Module)
	ctx, engine := context.Background(), Engines()[0].Config()
	next := &Program{Module: to.Module, Binary: binary.Encode(to.Module), WASI: true}
	for _, call := range []Call{
		{"k_queens", []uint64{6}}, {"k_fib", []uint64{10}}, {"k_qsort", []uint64{100}}, {"k_trees", []uint64{4}}, {"k_format", []uint64{5}},
	} {
		moved := 0
		for _, at := range []int{0, 1, 5} {
			program := Program{Module: from.Module, Binary: binary.Encode(from.Module), Suspending: rewrite.Suspending(opts.Suspend), Schedule: func(n int) bool { return n == at }, WASI: true}
			calls := []Call{{"_initialize", nil}, {"set_budget", []uint64{1}}, call}
			want, err := Execute(ctx, engine, program, calls)
			if err != nil {
				t.Fatal(err)
			}
			program.MoveTo = next
			got, err := Execute(ctx, engine, program, calls)
			if err != nil {
				t.Fatalf("%s, moved at %d: %v", call.Name, at, err)
			}
			if !slices.Equal(got.Results, want.Results) || string(got.Memory) != string(want.Memory) {
				t.Errorf("%s, moved at %d: %v, without %v", call.Name, at, got.Results, want.Results)
			}
			moved += got.Suspends
		}
		t.Logf("%s moved %d times", call.Name, moved)
		if moved == 0 {
			t.Errorf("%s never moves", call.Name)
		}
	}
}
