package cli_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/cli"
)

// A recorded run is gone through in the page, forwards and back, and what comes next can be
// guessed first.
func TestReportSteps(t *testing.T) {
	b := browser.Start(t)
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := cli.Run(args, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("%v: exit %d, %s", args, code, stderr.String())
		}
	}
	const module = "../../examples/c/where.wasm"
	trace, page := filepath.Join(dir, "trace.json"), filepath.Join(dir, "report.html")
	run("trace", "--json", "-o", trace, module)
	run("report", "--trace="+trace, "-o", page, module)
	p := b.Open(t)
	p.Go("file://"+page+"#v=steps", "document.documentElement.dataset.ready")
	is := func(selector, want string) {
		t.Helper()
		p.Wait("document.querySelector('" + selector + "').textContent === '" + want + "'")
	}
	is(".lamps .on", "running")
	p.Click("#view")
	first := p.Text("document.querySelector('.sentence').textContent")
	p.Click("[aria-label=\"To the next change of state\"]")
	is(".lamps .on", "unwinding")
	p.Click("#view h3")
	p.Key("ArrowRight")
	p.Wait("document.querySelectorAll('.box.frame').length === 1 && /climbs leaves at site 0/.test(document.querySelector('.sentence').textContent)")
	p.Wait("document.querySelector('.box.frame span').textContent.includes(' = ')")
	p.Click("#predict")
	p.Key("ArrowRight")
	p.Wait("document.querySelector('#reveal') && document.querySelectorAll('.box.frame').length === 1")
	p.Click("#reveal")
	p.Wait("document.querySelectorAll('.box.frame').length === 2")
	for _, dark := range []bool{false, true} {
		p.Dark(dark)
		p.Accessible(fmt.Sprintf("dark %t, a step", dark))
	}
	p.Click("#predict")
	p.Key("End")
	p.Wait("document.querySelector('.sentence').textContent === 'the program ends'")
	p.Key("Home")
	p.Wait("document.querySelector('.sentence').textContent === " + quoted(first))
	p.NoErrors()
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

// The frame of a function says what few sites need.
func TestReportRareFrame(t *testing.T) {
	b := browser.Start(t)
	page := filepath.Join(t.TempDir(), "wide.html")
	watfiber(t, "report -o "+page+" ../../examples/c/wide.wasm")
	p := b.Open(t)
	p.Go("file://"+page+"#v=frame", "document.querySelector('.strip')")
	p.Text("[...document.querySelectorAll('.item')].find((e) => e.textContent.includes('$turns')).click()")
	p.Wait("document.querySelector('.strip .rare')")
	p.Equal("[...document.querySelectorAll('.strip .rare')].every((e) => e.matches(':first-child, .rare + .rare'))", "true") // the lowest ones
	p.Wait("document.querySelector('.strip div:not(.rare)')")
	p.Wait("/The first 80 are left out at sites/.test(document.querySelector('.pad p').textContent)")
	p.NoErrors()
}
