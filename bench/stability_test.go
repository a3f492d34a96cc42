package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/diff"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

var update = flag.Bool("update", false, "write the tables of docs/review.md anew")

const reviewDoc = "../docs/review.md"

// How many lines of the output differ after a small edit of a real program is what
// docs/review.md says: removed and added ones, by an exact comparison.
func TestReviewStability(t *testing.T) {
	if testing.Short() {
		t.Skip("running wasm-opt takes a while")
	}
	peer, err := exec.LookPath("wasm-opt")
	if err != nil {
		t.Skip("wasm-opt is not installed")
	}
	if out, err := exec.Command(peer, "--version").Output(); err != nil || !strings.HasPrefix(string(out), "wasm-opt version 108") {
		t.Skipf("wasm-opt is not version 108 (%s, %v)", out, err)
	}
	t.Run("kernels", func(t *testing.T) {
		compareTable(t, "kernels", stability(t, peer, filepath.Join("..", "examples", "c", "kernels-O2.wasm"), []string{"queens", "trinkle"}, []string{"", "-O2"}))
	})
	t.Run("lua", func(t *testing.T) {
		corpus := os.Getenv("WATFIBER_CORPUS")
		if corpus == "" {
			t.Skip("WATFIBER_CORPUS names no folder with lua-O2.wasm")
		}
		compareTable(t, "lua", stability(t, peer, filepath.Join(corpus, "c", "lua-O2.wasm"), []string{"auxsort", "luaV_execute"}, []string{""}))
	})
}

// compareTable checks that the document has a table, or puts it there.
func compareTable(t *testing.T, name, table string) {
	t.Helper()
	data, err := os.ReadFile(reviewDoc)
	if err != nil {
		t.Fatal(err)
	}
	start, end := "<!-- table "+name+" -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(string(data), start)
	had, behind, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table %s", reviewDoc, name)
	}
	switch {
	case had == table:
	case *update:
		if err := os.WriteFile(reviewDoc, []byte(before+start+table+end+behind), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has\n%sit is now\n%s", reviewDoc, had, table)
	}
}

// A version is a program as text, and what became of it.
type version struct {
	source, watfiber string
	pinned           string   // by watfiber, pinned to the output before the edit
	peer             []string // by mode
}

// stability measures edits of functions of a module, in rows of a table.
func stability(t *testing.T, peer, path string, funcs, modes []string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(path, string(data))
	if err != nil {
		t.Fatal(err)
	}
	source := wat.Print(m)
	for _, f := range funcs {
		source = editFunc(t, source, f, nameLocals)
	}
	base := build(t, peer, modes, source, nil)
	var b strings.Builder
	b.WriteString("| function | edit | source | watfiber | watfiber --pin |")
	for _, mode := range modes {
		b.WriteString(" " + strings.TrimSpace("wasm-opt --asyncify "+mode) + " |")
	}
	b.WriteString("\n|---|---|--:|--:|--:|" + strings.Repeat("--:|", len(modes)) + "\n")
	for _, f := range funcs {
		for _, e := range edits {
			row(&b, "`$"+f+"`", e.what, base, build(t, peer, modes, editFunc(t, source, f, e.edit), &base))
		}
	}
	row(&b, "", "an unrelated function", base, build(t, peer, modes, editFunc(t, source, funcs[0], addFunction), &base))
	return b.String()
}

// row writes how many lines differ between two versions.
func row(b *strings.Builder, function, what string, base, edited version) {
	fmt.Fprintf(b, "| %s | %s | %d | %d | %d |", function, what, distance(base.source, edited.source), distance(base.watfiber, edited.watfiber), distance(base.watfiber, edited.pinned))
	for i := range base.peer {
		fmt.Fprintf(b, " %d |", distance(base.peer[i], edited.peer[i]))
	}
	b.WriteString("\n")
}

// pinTo rewrites a module, pinned to an earlier output.
func pinTo(t *testing.T, m *wat.Module, opts rewrite.Options, earlier string) string {
	t.Helper()
	e, err := rewrite.Explain(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	old, err := wat.Parse("old.wat", earlier)
	if err != nil {
		t.Fatal(err)
	}
	side, err := diff.FromText(old)
	if err != nil {
		t.Fatal(err)
	}
	if opts.Pins, _, err = diff.Pins(side, e); err != nil {
		t.Fatal(err)
	}
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r.Text
}

// build rewrites a text with watfiber, pinned to an earlier version as well if there is one,
// and with the peer in some modes.
func build(t *testing.T, peer string, modes []string, source string, earlier *version) version {
	t.Helper()
	m, err := wat.Parse("app.wat", source)
	if err != nil {
		t.Fatal(err)
	}
	opts := rewrite.Options{Suspend: []string{"env.yield"}}
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	v := version{source: source, watfiber: r.Text}
	if earlier != nil {
		v.pinned = pinTo(t, m, opts, earlier.watfiber)
	}
	input, output := filepath.Join(t.TempDir(), "in.wasm"), filepath.Join(t.TempDir(), "out.wat")
	if err := os.WriteFile(input, binary.Encode(m), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, mode := range modes {
		args := []string{"-all", "--asyncify", "--pass-arg=asyncify-imports@env.yield", "-g", "-S", input, "-o", output}
		if mode != "" {
			args = append(args, mode)
		}
		if out, err := exec.Command(peer, args...).CombinedOutput(); err != nil {
			t.Fatalf("wasm-opt: %v\n%s", err, out)
		}
		text, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		v.peer = append(v.peer, string(text))
	}
	return v
}

// edits are what somebody may do to a function.
var edits = []struct {
	what string
	edit func(string) string
}{
	{"a call that suspends", insertCall},
	{"a local that is live at all sites", addLocal},
	{"another name for a local", renameLocal},
}

// editFunc edits the text of a function of a printed module.
func editFunc(t *testing.T, source, name string, edit func(string) string) string {
	t.Helper()
	at := strings.Index(source, "  (func $"+name+" ")
	if at < 0 {
		t.Fatalf("there is no function $%s", name)
	}
	end := at + strings.Index(source[at:], "\n  )\n") + len("\n  )\n")
	edited := edit(source[at:end])
	if edited == source[at:end] {
		t.Fatalf("$%s has not changed", name)
	}
	return source[:at] + edited + source[end:]
}

var unnamed = regexp.MustCompile(`\$([pl])(\d+)\b`)

// nameLocals gives locals names that are kept in a binary.
func nameLocals(f string) string { return unnamed.ReplaceAllString(f, "$$${1}ocal$2") }

// callLine is a call in a line of its own.
var callLine = regexp.MustCompile(`(?m)^( +)call(_indirect)? .*\n`)

// insertCall calls what suspends before the call in the middle.
func insertCall(f string) string {
	calls := callLine.FindAllStringSubmatchIndex(f, -1)
	c := calls[len(calls)/2]
	indent := f[c[2]:c[3]]
	return f[:c[0]] + indent + "i32.const 1\n" + indent + "call $host_yield\n" + indent + "drop\n" + f[c[0]:]
}

var localLine = regexp.MustCompile(`(?m)^    \(local .*\n`)

// addLocal declares a local, sets it first of all, and reads it behind the last call.
func addLocal(f string) string {
	calls := callLine.FindAllStringSubmatchIndex(f, -1)
	c := calls[len(calls)-1]
	indent := f[c[2]:c[3]]
	f = f[:c[1]] + indent + "i32.const 16\n" + indent + "local.get $extra\n" + indent + "i32.store\n" + f[c[1]:]
	lines := localLine.FindAllStringIndex(f, -1)
	at := lines[len(lines)-1][1]
	return f[:at] + "    (local $extra i32)\n    memory.size\n    local.set $extra\n" + f[at:]
}

var localName = regexp.MustCompile(`\$[pl]ocal\d+\b`)

// renameLocal renames the local that is used in the middle.
func renameLocal(f string) string {
	uses := localName.FindAllString(f, -1)
	name := uses[len(uses)/2]
	return regexp.MustCompile(regexp.QuoteMeta(name)+`\b`).ReplaceAllString(f, "$$renamed")
}

// addFunction puts a function before.
func addFunction(f string) string {
	return "  (func $unrelated (export \"unrelated\") (param $n i32) (result i32)\n    local.get $n\n    i32.const 3\n    i32.mul\n  )\n" + f
}

// distance returns how many lines one text has that the other has not: those removed and
// those added, as few as possible.
//
// It follows Myers, An O(ND) Difference Algorithm: far[k] is how many lines of a are used
// up on the diagonal k, where k more are used up of a than of b.
func distance(textA, textB string) int {
	numbers := map[string]int32{}
	a, b := numbered(textA, numbers), numbered(textB, numbers)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	most := len(a) + len(b)
	far := make([]int, 2*most+3)
	for d := 0; ; d++ {
		for k := -d; k <= d; k += 2 {
			at := most + 1 + k
			x := far[at-1] + 1
			if k == -d || k != d && far[at-1] < far[at+1] {
				x = far[at+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			far[at] = x
			if x >= len(a) && x-k >= len(b) {
				return d
			}
		}
	}
}

// numbered returns a number for each line of a text.
func numbered(text string, numbers map[string]int32) []int32 {
	lines := strings.Split(text, "\n")
	all := make([]int32, len(lines))
	for i, line := range lines {
		n, known := numbers[line]
		if !known {
			n = int32(len(numbers))
			numbers[line] = n
		}
		all[i] = n
	}
	return all
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"a\nb\nc", "a\nb\nc", 0},
		{"a\nb\nc", "a\nx\nb\nc", 1},
		{"a\nb\nc", "a\nc", 1},
		{"a\nb\nc", "a\nx\nc", 2},
		{"a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc", 5},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %d, not %d", test.a, test.b, got, test.want)
		}
	}
}
