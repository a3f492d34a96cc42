package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/report"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// page writes the page of a module of the examples, and returns its URL.
func page(t *testing.T, module string, opts rewrite.Options) string {
	t.Helper()
	data, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	m, err := binary.Decode(filepath.Base(module), string(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := wat.Parse(m.Source.Name, wat.Print(m))
	if err == nil {
		err = check.Module(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := report.New(text, opts)
	if err != nil {
		t.Fatal(err)
	}
	html, err := d.Page()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, html, 0o666); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

const ready = "document.documentElement.dataset.ready"

var yields = rewrite.Options{Suspend: []string{"env.yield"}}

// The page works from a file, without a network: functions are found, code folds, names
// are highlighted, keys go from site to site, and there are no errors.
func TestPage(t *testing.T) {
	b := browser.Start(t)
	url := page(t, "../../examples/c/kernels-O2.wasm", yields)
	p := b.Open(t)
	p.Go(url, ready)
	p.Equal("document.title", "kernels-O2.wasm · watfiber")

	// A function is found by a part of its name, and chosen.
	p.Key("/")
	p.Type("k_mand")
	p.Wait("document.querySelectorAll('.item').length === 1")
	p.Click(".item")
	p.Wait("document.getElementById('name').textContent === '$k_mandel'")
	p.Wait("document.querySelectorAll('.row.ins').length > 5")

	// Folded, inserted lines are bars; one opens by a click, another by a key.
	p.Key("Escape")
	p.Click("#view")
	p.Key("f")
	p.Wait("document.querySelectorAll('.row.ins').length === 0 && document.querySelectorAll('.bar').length > 2")
	source := p.Text("[...document.querySelectorAll('.row.same .src')].map(e => e.textContent).join('\\n')")
	if !strings.Contains(source, "loop $L2\n") || strings.Contains(source, "fiber") {
		t.Errorf("the source pane shows\n%s", source)
	}
	p.Click(".bar")
	p.Wait("document.querySelectorAll('.row.ins').length > 0")
	before := p.Text("document.querySelectorAll('.row.ins').length")
	p.Text("document.querySelector('.bar').focus()")
	p.Key("Enter")
	p.Wait("document.querySelectorAll('.row.ins').length > " + before)
	p.Key("f")
	p.Wait("document.querySelectorAll('.bar').length === 0")

	// A name that is clicked is highlighted wherever it stands in the code.
	p.Click(`.row.same .out .v[data-v="$l3"]`)
	p.Wait(`document.querySelectorAll('.row.ins .v.hit[data-v="$l3"]').length > 0`)
	p.Key("Escape")

	// From site to site.
	p.Key("j")
	p.Wait("document.querySelector('.row.at .out').textContent.trim() === 'call $host_yield'")

	// The other views.
	p.Key("2")
	p.Wait("document.querySelector('ol.path li').textContent.includes('calls env.yield, a suspending import')")
	p.Key("3")
	p.Wait("document.querySelector('.strip').getAttribute('aria-label') === 'frame of 24 bytes: p0, l3, l7, l13, l1'")
	p.Click("td .link") // the first slot, in the code
	p.Wait(`document.querySelectorAll('.v.hit[data-v="$p0"]').length > 2`)
	p.Key("4")
	p.Wait("[...document.querySelectorAll('.passes h3')].map(e => e.textContent).join() .startsWith('callgraph,sites')")
	p.Key("?")
	p.Wait("document.getElementById('keys').open")
	p.NoErrors()
}

// What a reader does not see has a name, and what he sees can be told from what is
// behind it: in all views, of functions with code and without, folded, with a name
// highlighted and without.
func TestAccessible(t *testing.T) {
	b := browser.Start(t)
	url := page(t, "../../examples/c/kernels-O2.wasm", yields)
	for _, dark := range []bool{false, true} {
		p := b.Open(t)
		p.Dark(dark)
		p.Go(url, ready)
		in := func(state string) {
			t.Helper()
			p.Accessible(fmt.Sprintf("dark %t, %s", dark, state))
		}
		for _, view := range []string{"1", "2", "3", "4"} {
			p.Click("#view")
			p.Key(view)
			in("view " + view)
		}
		p.Key("1")
		p.Key("j")
		in("a site")
		p.Click(".row.same .out .v")
		in("a name")
		p.Key("f")
		p.Wait("document.querySelector('.bar')")
		in("folded")
		p.Text("(() => { document.getElementById('order').value = 'name'; document.getElementById('order').dispatchEvent(new Event('change')) })()")
		p.Click(".item.plain")
		p.Wait("document.querySelector('.item.plain[aria-selected=true]')")
		in("a function without code")
		p.Key("?")
		in("the keys")
		p.NoErrors()
	}
}
