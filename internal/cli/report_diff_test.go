package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/cli"
	"github.com/watfiber/watfiber/internal/diff"
)

// reviewed writes the page of a review, and returns its URL and what watfiber diff says.
func reviewed(t *testing.T) (url string, want diff.Diff) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir("../..")
	review(t, dir)
	t.Chdir(dir)
	watfiber(t, changes)
	var stdout, stderr strings.Builder
	if code := cli.Run(strings.Fields("diff --json --suspend=env.yield old/kernels.wat kernels.wat"), strings.NewReader(""), &stdout, &stderr); code != 1 {
		t.Fatalf("exit %d, %s", code, stderr.String())
	}
	if err := json.Unmarshal([]byte(stdout.String()), &want); err != nil {
		t.Fatal(err)
	}
	return "file://" + filepath.Join(dir, "diff.html"), want
}

// The page says of functions what watfiber diff says, shows the changed ones, and in their
// lines what differs; keys go from change to change.
func TestReportDiff(t *testing.T) {
	b := browser.Start(t)
	url, want := reviewed(t)
	p := b.Open(t)
	p.Go(url, "document.querySelector('.overview')")
	p.Equal("document.querySelector('.between').textContent", "old/kernels.wat → kernels.wat")
	p.Equal("document.querySelector('.headline').textContent", "2 newly instrumented, 5 freed, 2 changed")
	p.Equal("[...document.querySelectorAll('.sums tr')][3].textContent", fmt.Sprintf("call sites%d%d−%d", want.Old.Sites, want.New.Sites, want.Old.Sites-want.New.Sites))

	// The list has what has changed, and all if it is asked to.
	p.Equal("document.querySelectorAll('.item').length", fmt.Sprint(len(want.Funcs)))
	sign := map[diff.Status]string{diff.Instrumented: "+", diff.Added: "+", diff.Freed: "−", diff.Removed: "−", diff.Changed: "~"}
	for _, c := range want.Funcs {
		item := fmt.Sprintf("[...document.querySelectorAll('.item')].find((e) => e.querySelector('.title').textContent === '%s')", c.Func)
		p.Equal(item+".querySelector('.sign').textContent", sign[c.Status])
		p.Equal(item+".lastChild.textContent", strings.ReplaceAll(fmt.Sprintf("%+d", c.Bytes.Output.Delta()), "-", "−"))
	}
	p.Click("#only")
	p.Wait(fmt.Sprintf("document.querySelectorAll('.item').length > %d", len(want.Funcs)))
	p.Click("#only")

	// A function: what has changed in words, and in its lines.
	p.Text("[...document.querySelectorAll('.overview .link')].find((e) => e.textContent === '$queens').click()")
	p.Wait("document.querySelector('#facts li') && document.querySelector('.row.new')")
	p.Equal("document.querySelector('#facts p').textContent", "changed: 2 → 3 sites, frame of 32 → 40 bytes, code of 246 → 292 bytes")
	p.Equal("document.querySelector('#facts li').textContent", "+ site 2 calls env.yield, kernels.wat:453")
	p.Equal("document.querySelectorAll('.row.old').length", "0")
	p.Click("#view")
	p.Key("d")
	p.Wait("document.querySelector('.where').textContent.startsWith('change 1 of ')")
	p.Key("d")
	p.Equal("document.querySelector('.row.here.same.new .src').textContent.trim()", "(local $l5 i32) (local $l6 i32) (local $l7 i32) (local $l8 i32) (local $best i32)")
	p.Equal("document.querySelector('.row.was.here').getAttribute('aria-expanded')", "false")
	p.Click(".row.was.here")
	p.Wait("document.querySelector('.row.old')")
	p.Equal("document.querySelector('.row.old .out').textContent.trim()", "(local $l5 i32) (local $l6 i32) (local $l7 i32) (local $l8 i32)")
	p.Equal("document.activeElement.getAttribute('aria-expanded')", "true")
	p.Key("Enter")
	p.Wait("!document.querySelector('.row.old')")

	// Folded, a bar says that something in it has changed, and the next change opens it.
	p.Key("f")
	p.Wait("document.querySelector('.row.bar.new') && !document.querySelector('.row.ins')")
	p.Key("d")
	p.Wait("document.querySelector('.row.ins.here.new')")
	p.Key("f")

	// Behind the last change comes the next function; before its first the last of this one.
	p.Text("(async () => { for (let i = 0; i < 50 && document.getElementById('name').textContent === '$queens'; i++) { dispatchEvent2('d'); await new Promise((r) => setTimeout(r, 20)) } function dispatchEvent2(key) { document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })) } })()")
	p.Wait("document.getElementById('name').textContent === '$cmp_int' && document.querySelector('.where').textContent.startsWith('change 1 of ')")
	p.Key("D")
	p.Wait("/^change (\\d+) of \\1$/.test(document.querySelector('.where').textContent) && document.getElementById('name').textContent === '$queens'")
	p.NoErrors()
}

// All texts and controls of a review can be read, in both themes and on a phone, where
// nothing is wider than the screen but the code.
func TestReportDiffAccessible(t *testing.T) {
	b := browser.Start(t)
	url, _ := reviewed(t)
	for _, dark := range []bool{false, true} {
		p := b.Open(t)
		p.Dark(dark)
		p.Go(url, "document.querySelector('.overview')")
		p.Accessible(fmt.Sprintf("dark %t, all changes", dark))
		p.Text("[...document.querySelectorAll('.item')].find((e) => e.textContent.includes('$queens')).click()")
		p.Wait("document.querySelector('.row.new')")
		p.Key("d")
		p.Accessible(fmt.Sprintf("dark %t, old lines folded", dark))
		p.Key("o")
		p.Wait("document.querySelector('.row.old')")
		p.Accessible(fmt.Sprintf("dark %t, old lines", dark))
		p.Size(390, 780)
		p.Wait("innerWidth === 390")
		p.Equal("document.documentElement.scrollWidth", "390")
		p.Equal("[...document.querySelectorAll('header *, nav .find *, .only, #head button, #facts')].filter((e) => e.getBoundingClientRect().right > 391).map((e) => e.outerHTML).join()", "")
		p.Wait("document.getElementById('list').clientHeight > 60 && document.getElementById('view').clientHeight > 200")
		p.NoErrors()
	}
}

// All lines of a function are printed, not only those in sight, none wider than the paper,
// and not in the colours of the screen.
func TestReportPrints(t *testing.T) {
	b := browser.Start(t)
	url, _ := reviewed(t)
	p := b.Open(t)
	p.Size(794, 1123)
	p.Go(url+"#v=code", "document.querySelector('.row')")
	p.Text("document.documentElement.dataset.theme = 'dark'")
	before, lines := p.Text("document.querySelectorAll('.row').length"), p.Text("Math.round(document.querySelector('.code').offsetHeight / 19)")
	p.Call("Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
	p.Text("dispatchEvent(new Event('beforeprint'))")
	p.Equal("Math.abs(document.querySelectorAll('.row').length - "+lines+") < 2", "true")
	if before == lines {
		t.Errorf("the function has only %s lines, which were all in sight", lines)
	}
	p.Equal("[...document.querySelectorAll('.row > div')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1).length", "0")
	p.Equal("getComputedStyle(document.body).backgroundColor", "rgb(255, 255, 255)")
	p.Call("Emulation.setEmulatedMedia", map[string]any{"media": ""}, nil)
	p.Text("dispatchEvent(new Event('afterprint'))")
	p.Equal("document.querySelectorAll('.row').length", before)
	p.NoErrors()
}

// The old module may have been rewritten: of text, lines are compared, of a binary only
// what it says.
func TestReportDiffOld(t *testing.T) {
	b := browser.Start(t)
	dir := t.TempDir()
	t.Chdir("../..")
	review(t, dir)
	t.Chdir(dir)
	watfiber(t, "rewrite --suspend=env.yield old/kernels.wat -o text.wat")
	watfiber(t, "build --suspend=env.yield old/kernels.wat -o built.wasm")
	watfiber(t, "report --suspend=env.yield --diff=text.wat kernels.wat -o text.html")
	watfiber(t, "report --suspend=env.yield --diff=built.wasm kernels.wat -o built.html")
	watfiber(t, "report --suspend=env.yield --diff=kernels.wat old/kernels.wat -o back.html")
	watfiber(t, "report --suspend=env.yield --diff=kernels.wat kernels.wat -o same.html")
	for _, name := range []string{"text", "built", "back", "same"} {
		if _, err := os.Stat(name + ".html"); err != nil {
			t.Fatal(err)
		}
	}
	open := func(name string) *browser.Page {
		p := b.Open(t)
		p.Go("file://"+filepath.Join(dir, name+".html"), "document.querySelector('.overview')")
		return p
	}
	p := open("text")
	p.Equal("document.querySelector('.headline').textContent", "2 newly instrumented, 5 freed, 2 changed")
	p.Text("[...document.querySelectorAll('.item')].find((e) => e.textContent.includes('$k_trees')).click()")
	p.Wait("document.querySelector('.row.new') && document.querySelector('.row.was')")
	p.NoErrors()

	p = open("built")
	p.Wait("[...document.querySelectorAll('.remark')].some((e) => e.textContent.includes('its lines are not compared'))")
	p.Text("[...document.querySelectorAll('.item')].find((e) => e.textContent.includes('$cnt')).click()")
	p.Wait("document.querySelector('#facts p').textContent.startsWith('newly instrumented') && document.querySelector('.row.ins') && !document.querySelector('.row.new')")
	p.NoErrors()

	// What is gone is in the list, too, with its lines.
	p = open("back")
	p.Text("[...document.querySelectorAll('.item')].find((e) => e.textContent.includes('$rest')).click()")
	p.Wait("document.querySelectorAll('.row.old').length > 5")
	p.Equal("document.querySelector('#verdict').textContent", "Is in the old module only.")
	for _, view := range []string{"2", "3", "4"} {
		p.Click("#view")
		p.Key(view)
	}
	p.NoErrors()

	p = open("same")
	p.Equal("document.querySelector('.headline').textContent", "no function differs")
	p.Wait("document.querySelectorAll('.item').length > 10")
	p.NoErrors()
}

// Functions that get no code are told from those that do: their source has changed, or only
// how it is written.
func TestReportDiffQuiet(t *testing.T) {
	b := browser.Start(t)
	t.Chdir("../..")
	text := watfiber(t, "dis examples/c/kernels-O2.wasm")
	t.Chdir(t.TempDir())
	at := strings.Index(text, "  (func $strlen ")
	if at < 0 {
		t.Fatal("there is no $strlen")
	}
	edited := text[:at] + strings.Replace(text[at:], "local.get $p0", "nop\n    local.get $p0", 1)
	edited = strings.Replace(edited, "  (func $tak ", "  (func $tak (; three of them ;) ", 1)
	for name, text := range map[string]string{"old.wat": text, "new.wat": edited} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	watfiber(t, "report --suspend=env.yield --diff=old.wat new.wat -o quiet.html")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	p := b.Open(t)
	p.Go("file://"+filepath.Join(dir, "quiet.html"), "document.querySelector('.overview')")
	p.Equal("document.querySelector('.headline').textContent", "no function with code differs")
	p.Equal("document.querySelector('.remark').textContent", "functions without code: 1 changed")
	p.Equal("[...document.querySelectorAll('.item')].map((e) => e.getAttribute('aria-label')).join('; ')",
		"$strlen, gets no code; its source has changed, +1 bytes; $tak, only other words")
	p.Click(".item")
	p.Wait("document.querySelector('.row.new')")
	p.Equal("document.querySelector('.row.new .out').textContent.trim()", "nop")
	p.Accessible("a function without code")
	p.NoErrors()
}
