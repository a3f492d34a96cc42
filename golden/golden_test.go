package golden

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

var update = flag.Bool("update", false, "write out.wat, run and error of the cases anew")

// maxLines bounds the length of a golden: a longer one shows more than one idea.
const maxLines = 150

// leastCases is a lower bound on the size of the corpus.
const leastCases = 190

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < leastCases {
		t.Fatalf("%d cases found, there should be at least %d (%v)", len(paths), leastCases, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			c, err := ReadCase(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.Has(memberError) {
				checkRefused(t, c)
			} else {
				checkCase(t, c)
			}
		})
	}
}

// TestFamilies checks that README.md names the families of cases: what their names
// start with.
func TestFamilies(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, found []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z]+_)`").FindAllStringSubmatch(string(readme), -1) {
		listed = append(listed, match[1])
	}
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		family, _, _ := strings.Cut(filepath.Base(path), "_")
		found = append(found, family+"_")
	}
	slices.Sort(listed)
	slices.Sort(found)
	if diff := cmp.Diff(slices.Compact(found), listed); diff != "" {
		t.Errorf("README.md does not list the families that there are (-cases +README):\n%s", diff)
	}
}

// checkRefused checks a case that cannot be rewritten.
func checkRefused(t *testing.T, c *Case) {
	m, err := Load("in.wat", c.Member(memberIn))
	if err == nil {
		_, err = rewrite.Rewrite(m, c.Options)
	}
	if err == nil {
		t.Fatal("this should be refused, and is not")
	}
	var details []string
	for _, e := range wat.Errors(err) {
		if e.Code == rewrite.ErrInternal {
			t.Fatal(e.Detail())
		}
		details = append(details, e.Detail())
	}
	got := strings.Join(details, "\n") + "\n"
	if got == c.Member(memberError) {
		return
	}
	if *update {
		c.Set(memberError, got)
		write(t, c)
		return
	}
	t.Error(udiff.Unified("want", "got", c.Member(memberError), got))
}

func write(t *testing.T, c *Case) {
	if err := c.Write(); err != nil {
		t.Fatal(err)
	}
}

// checkCase checks everything about a case; out.wat and run last, so that an
// update writes only what has passed the rest.
func checkCase(t *testing.T, c *Case) {
	source, err := Load("in.wat", c.Member(memberIn))
	if err != nil {
		t.Fatal(err)
	}
	result, err := Promises(source, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	out := withoutLibrary(result.Text)
	if n := strings.Count(out, "\n"); n > maxLines {
		t.Fatalf("out.wat has %d lines, more than %d: split this case", n, maxLines)
	}
	table, err := runTable(c, source, result)
	if err != nil {
		t.Fatal(err)
	}
	notes := ""
	for _, n := range result.Notes {
		notes += n + "\n"
	}
	compareMembers(t, c, map[string]string{memberOut: out, memberRun: table, memberNotes: notes})
}

// withoutLibrary leaves the text of the fiber library out, which would be the same in
// many cases: what lies between the line that says so and the wrappers of exports.
func withoutLibrary(text string) string {
	const title = ";;~ fiberlib\n"
	before, library, found := strings.Cut(text, title)
	if !found {
		return text
	}
	wrappers := strings.Index(library, "(func $fiber.export.")
	if wrappers < 0 {
		return text
	}
	return before + title + library[strings.LastIndex(library[:wrappers], "\n")+1:]
}

// compareMembers compares members of a case with what they should be, or updates
// them.
func compareMembers(t *testing.T, c *Case, members map[string]string) {
	changed := false
	for _, name := range []string{memberOut, memberRun, memberNotes} {
		want, got := c.Member(name), members[name]
		switch {
		case want == got:
		case *update:
			c.Set(name, got)
			changed = true
		default:
			t.Errorf("%s:\n%s", name, udiff.Unified("want", "got", want, got))
		}
	}
	if changed {
		write(t, c)
	}
}

// runTable runs the calls of a case in the source and in the result, and returns
// the table with the results that they had in the source. A program that brings
// its own runtime runs in its result only, and the table says what it should do.
func runTable(c *Case, source *wat.Module, r *rewrite.Result) (string, error) {
	lines, err := c.RunLines(source)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	calls := make([]Call, len(lines))
	for i, l := range lines {
		calls[i] = l.Call
	}
	original := Program{Module: source, Binary: binary.Encode(source)}
	rewritten := Program{Module: r.Module, Binary: binary.Encode(r.Module), Suspending: rewrite.Suspending(c.Options.Suspend), Buffer: c.Buffer}
	if bringsRuntime(source) {
		return c.Member(memberRun), runOwn(rewritten, lines, calls)
	}
	outcome, err := Equivalent(context.Background(), original, rewritten, calls)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, l := range lines {
		b.WriteString(l.Text + " " + resultText(outcome.Results[i]) + "\n")
	}
	return b.String(), nil
}

// bringsRuntime reports whether a module drives its own unwinding, with a runtime of
// its own or with the one that is linked with it.
func bringsRuntime(m *wat.Module) bool {
	return slices.ContainsFunc(m.Funcs, func(f *wat.Func) bool {
		return f.Import != nil && (f.Import.Module == "asyncify" || f.Import.Module == "fiber")
	})
}

// runOwn runs a rewritten program that brings its own runtime on all engines, where
// a host suspends it never, always and now and then, and compares the results with
// the table.
func runOwn(p Program, lines []RunLine, calls []Call) error {
	for _, engine := range Engines() {
		for _, schedule := range Schedules() {
			p.Schedule = schedule.Schedule
			outcome, err := Execute(context.Background(), engine.Config(), p, calls)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", engine.Name, schedule.Name, err)
			}
			for i, l := range lines {
				if got := resultText(outcome.Results[i]); got != l.Want {
					return fmt.Errorf("%s, %s: %s %s, not %s", engine.Name, schedule.Name, l.Text, got, l.Want)
				}
			}
		}
	}
	return nil
}

// resultText writes a result as run tables do.
func resultText(result string) string {
	if strings.HasPrefix(result, "traps ") {
		return result
	}
	return strings.TrimSpace("= " + result)
}
