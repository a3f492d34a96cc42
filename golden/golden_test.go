package golden

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

var update = flag.Bool("update", false, "write out.wat, run and error of the cases anew")

// maxLines bounds the length of a golden: a longer one shows more than one idea.
const maxLines = 150

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 1 {
		t.Fatalf("%d cases found, there should be at least 60 (%v)", len(paths), err)
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

// checkRefused checks a case that cannot be rewritten.
func checkRefused(t *testing.T, c *Case) {
	m, err := wat.Parse("in.wat", c.Member(memberIn))
	if err == nil {
		err = check.Module(m)
	}
	if err == nil {
		_, err = rewrite.Rewrite(m, c.Options)
	}
	if err == nil {
		t.Fatal("this should be refused, and is not")
	}
	var details []string
	for _, e := range wat.Errors(err) {
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
	source, result := rewriteText(t, c.Member(memberIn), c.Options)
	if c.Options.After == "" {
		checkPromises(t, c, source, result)
	}
	if n := strings.Count(result.Text, "\n"); n > maxLines {
		t.Errorf("out.wat has %d lines, more than %d: split this case", n, maxLines)
	}
	table, err := runTable(c, source, result)
	if err != nil {
		t.Fatal(err)
	}
	if *update && !t.Failed() {
		if result.Text != c.Member(memberOut) || table != c.Member(memberRun) {
			c.Set(memberOut, result.Text)
			if table != "" {
				c.Set(memberRun, table)
			}
			write(t, c)
		}
		return
	}
	if want := c.Member(memberOut); want != result.Text {
		t.Errorf("out.wat:\n%s", udiff.Unified("want", "got", want, result.Text))
	}
	if want := c.Member(memberRun); want != table {
		t.Errorf("run:\n%s", udiff.Unified("want", "got", want, table))
	}
}

func rewriteText(t *testing.T, text string, opts rewrite.Options) (*wat.Module, *rewrite.Result) {
	t.Helper()
	m, err := wat.Parse("in.wat", text)
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := rewrite.Rewrite(m, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// checkPromises checks the promises about the output that do not need a run.
func checkPromises(t *testing.T, c *Case, source *wat.Module, r *rewrite.Result) {
	normal, err := rewrite.Normalised(source, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	if stripped := wat.Strip(r.Text); stripped != normal {
		t.Errorf("strip does not give the normalised source back:\n%s", udiff.Unified("normalised", "stripped", normal, stripped))
	}
	_, again := rewriteText(t, c.Member(memberIn), c.Options)
	if again.Text != r.Text {
		t.Errorf("a second time it comes out otherwise:\n%s", udiff.Unified("first", "second", r.Text, again.Text))
	}
	if _, again := rewriteText(t, normal, c.Options); again.Text != r.Text {
		t.Errorf("from its own strip it comes out otherwise:\n%s", udiff.Unified("first", "from strip", r.Text, again.Text))
	}
	parsed, err := wat.Parse("out.wat", r.Text)
	if err != nil {
		t.Fatal(err)
	}
	if err := check.Module(parsed); err != nil {
		t.Errorf("out.wat is not valid: %v", err)
	}
	if string(binary.Encode(parsed)) != string(binary.Encode(r.Module)) {
		t.Error("the text and the tree of the result are not the same module")
	}
	checkUntouched(t, normal, r.Text)
}

// checkUntouched checks that a function without inserted lines is there byte for
// byte.
func checkUntouched(t *testing.T, normal, out string) {
	before, err := wat.Parse("normalised.wat", normal)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range before.Funcs {
		text := normal[f.Span.Start:f.Span.End]
		if f.Import == nil && !strings.Contains(out, text) && !instrumented(out, f) {
			t.Errorf("%s got no code and was changed", wat.ID(f.Name))
		}
	}
}

// instrumented reports whether the function has lines inserted, by its header.
func instrumented(out string, f *wat.Func) bool {
	m, err := wat.Parse("out.wat", out)
	if err != nil {
		return false
	}
	for _, g := range m.Funcs {
		if g.Name == f.Name && g.Import == nil {
			return strings.Contains(out[g.Span.Start:g.Span.End], wat.InsertMark)
		}
	}
	return false
}

// runTable runs the calls of a case in the source and in the result, and returns
// the table with the results that they had in the source.
func runTable(c *Case, source *wat.Module, r *rewrite.Result) (string, error) {
	lines, err := c.RunLines(source)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	calls := make([]Call, len(lines))
	for i, l := range lines {
		calls[i] = l.Call
	}
	suspending := rewrite.Suspending(c.Options.Suspend)
	rewritten := Program{Module: r.Module, Binary: binary.Encode(r.Module), Suspending: suspending, Buffer: c.Buffer}
	outcome, err := Equivalent(context.Background(), Program{Module: source, Binary: binary.Encode(source)}, rewritten, calls)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(c.Member(memberRun)), "\n") {
		call := line[:strings.LastIndex(line[:min(len(line), 1+strings.IndexByte(line, ')'))], ")")+1]
		result := outcome.Results[i]
		if !strings.HasPrefix(result, "traps ") {
			result = strings.TrimSpace("= " + result)
		}
		fmt.Fprintf(&b, "%s %s\n", call, result)
	}
	return b.String(), errors.Join()
}
