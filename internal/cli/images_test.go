package cli_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/internal/browser"
	"github.com/watfiber/watfiber/internal/cli"
)

var updateImages = flag.Bool("update", false, "take the pictures in docs/images anew, which needs Chromium")

// images is where the pictures are that documents show.
const images = "docs/images"

// Bytes that a picture may have, and all of them together.
const (
	maxImage  = 150_000
	maxImages = 1_000_000
)

// A picture is a page in some state.
type picture struct {
	name          string
	page          string // see pages
	width, height int
	dark          bool
	prepare       func(p *browser.Page)
}

var pictures = []picture{
	{"report-light", "report", 1280, 720, false, func(p *browser.Page) { choose(p, "k_mandel") }},
	{"report-dark", "report", 1280, 720, true, func(p *browser.Page) { choose(p, "k_mandel") }},
	{"report-folded", "report", 1280, 560, false, func(p *browser.Page) {
		choose(p, "tak")
		p.Key("f")
		p.Wait("document.querySelectorAll('.bar').length > 5")
		p.Click(".row.same + .bar")
		p.Wait("document.querySelectorAll('.row.ins').length > 0")
	}},
	{"report-frame", "report", 1280, 440, false, func(p *browser.Page) {
		choose(p, "k_mandel")
		p.Key("3")
		p.Wait("document.querySelector('.strip')")
	}},
	{"report-phone", "report", 390, 780, false, func(p *browser.Page) { choose(p, "k_mandel") }},
	{"report-steps", "steps", 1280, 560, false, func(p *browser.Page) {
		p.Key("5")
		p.Click("[aria-label=\"To the next change of state\"]")
		p.Click("#view h3")
		for range 3 {
			p.Key("ArrowRight")
		}
		p.Wait("document.querySelectorAll('.box.frame').length === 3")
	}},
	{"play", "index", 1280, 720, false, func(p *browser.Page) {
		p.Click("#run button")
		p.Wait("document.getElementById('log').textContent.includes('the original')")
	}},
	{"report-diff", "diff", 1280, 720, false, func(p *browser.Page) { p.Wait("document.querySelector('.overview')") }},
	{"report-diff-phone", "diff", 390, 780, false, func(p *browser.Page) {
		choose(p, "queens")
		p.Key("d")
		p.Key("d")
		p.Key("d")
	}},
	{"report-diff-code", "diff", 1280, 720, true, func(p *browser.Page) {
		choose(p, "queens")
		p.Key("d")
		p.Key("d")
		p.Key("o")
		p.Wait("document.querySelectorAll('.row.old').length > 0")
	}},
}

// choose shows a function, and leaves the field where names are typed.
func choose(p *browser.Page, name string) {
	p.Wait("document.getElementById('name').textContent")
	p.Key("/")
	p.Type("$" + name)
	p.Click(".item")
	p.Wait("document.getElementById('name').textContent === '$" + name + "'")
	p.Text("(() => { const s = document.getElementById('search'); s.blur(); s.value = ''; s.dispatchEvent(new Event('input')) })()")
}

// pages are made by these commands; {} is a folder that goes away.
var pages = []string{
	"report --suspend=env.yield examples/c/kernels-O2.wasm -o {}/report.html",
	"trace --json --suspend=env.yield -o {}/trace examples/c/generator.wasm 5",
	"play --out={}",
	"report --suspend=env.yield --trace={}/trace examples/c/generator.wasm -o {}/steps.html",
}

// changes is the command for the page of a review, called in that folder.
const changes = "report --suspend=env.yield --diff=old/kernels.wat kernels.wat -o diff.html"

// The pictures in documents are small, each is one that -update takes, and all are shown,
// with words for those who do not see them.
func TestImages(t *testing.T) {
	t.Chdir("../..")
	if *updateImages {
		takeImages(t)
	}
	files, err := os.ReadDir(images)
	if err != nil {
		t.Fatal(err)
	}
	var names, want []string
	var sum int64
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name())
		if sum += info.Size(); info.Size() > maxImage {
			t.Errorf("%s has %d bytes, more than %d", f.Name(), info.Size(), maxImage)
		}
	}
	if sum > maxImages {
		t.Errorf("the pictures have %d bytes, more than %d", sum, maxImages)
	}
	for _, x := range pictures {
		want = append(want, x.name+".png")
	}
	if slices.Sort(want); !slices.Equal(names, want) {
		t.Errorf("the pictures are %v, not %v", names, want)
	}
	if shown := shownImages(t); !slices.Equal(shown, want) {
		t.Errorf("the documents show %v, not %v", shown, want)
	}
}

// shownImages returns the pictures that documents show, each once.
func shownImages(t *testing.T) []string {
	t.Helper()
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, path := range append(documents, "README.md") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`!\[([^\]]*)\]\(([^)]*)\)`).FindAllStringSubmatch(string(data), -1) {
			file := filepath.Join(filepath.Dir(path), m[2])
			if len(m[1]) < 20 || filepath.Dir(file) != images {
				t.Errorf("%s shows %s as %q", path, m[2], m[1])
			}
			shown = append(shown, filepath.Base(file))
		}
	}
	slices.Sort(shown)
	return slices.Compact(shown)
}

// takeImages takes the pictures anew.
func takeImages(t *testing.T) {
	b := browser.Start(t)
	dir := t.TempDir()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range pages {
		watfiber(t, strings.ReplaceAll(line, "{}", dir))
	}
	review(t, dir)
	t.Chdir(dir)
	watfiber(t, changes)
	t.Chdir(root)
	if err := os.MkdirAll(images, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, x := range pictures {
		p := b.Open(t)
		p.Size(x.width, x.height)
		p.Dark(x.dark)
		p.Go("file://"+filepath.Join(dir, x.page+".html"), "document.documentElement.dataset.ready")
		x.prepare(p)
		p.Text("document.activeElement.blur()")
		p.Text("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
		p.NoErrors()
		if err := os.WriteFile(filepath.Join(images, x.name+".png"), small(t, p.Screenshot()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// review writes the text of the kernels, and one that somebody has edited: it yields
// at another place and no more at some.
func review(t *testing.T, dir string) {
	t.Helper()
	text := watfiber(t, "dis examples/c/kernels-O2.wasm")
	if err := os.Mkdir(filepath.Join(dir, "old"), 0o777); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("old/kernels.wat", text)
	write("kernels.wat", edited(t, text))
}

// watfiber runs a command, and returns what it prints.
func watfiber(t *testing.T, line string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := cli.Run(strings.Fields(line), strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("%s: exit %d, %s", line, code, stderr.String())
	}
	return stdout.String()
}

// edited edits functions: $queens yields in its loop, too, and keeps a local then; $cnt
// yields by a new function; $cmp_int yields no more.
func edited(t *testing.T, text string) string {
	t.Helper()
	for _, e := range []struct{ in, old, new string }{
		{"$queens", "(local $l8 i32)", "(local $l8 i32) (local $best i32)"},
		{"$queens", "local.set $l5\n        local.get $l6", "local.set $l5\n        local.get $l6\n        local.set $best\n        i32.const 2\n        call $host_yield\n        drop\n        local.get $best"},
		{"$cmp_int", "i32.const 1\n      call $host_yield\n      drop\n", "\n"},
		{"$cnt", "  (func $cnt", "  (func $rest (param $units i32)\n    local.get $units\n    call $host_yield\n    drop\n  )\n  (func $cnt"},
		{"$cnt", "local.set $l2\n      local.get $p0", "local.set $l2\n      i32.const 3\n      call $rest\n      local.get $p0"},
	} {
		at := strings.Index(text, "  (func "+e.in+" ")
		if at < 0 || !strings.Contains(text[at:], e.old) {
			t.Fatalf("%s has no %q", e.in, e.old)
		}
		text = text[:at] + strings.Replace(text[at:], e.old, e.new, 1)
	}
	return text
}

// small returns a picture with at most 256 colours.
func small(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	box := full.Bounds()
	count := map[color.RGBA]int{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	palette := colours(count)
	nearest := map[color.RGBA]uint8{}
	for c := range count {
		nearest[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)])
		}
	}
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, out); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// colours chooses up to 256 colours: those that there is most of, then of the others one
// of those that are much alike, so that what is rare keeps its hue.
func colours(count map[color.RGBA]int) color.Palette {
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return bytes.Compare([]byte{a.R, a.G, a.B}, []byte{b.R, b.G, b.B})
	})
	const common = 48
	var palette color.Palette
	alike := map[color.RGBA]bool{}
	for i, c := range all {
		rough := color.RGBA{c.R >> 5, c.G >> 5, c.B >> 5, 0}
		if len(palette) < 256 && (i < common || !alike[rough]) {
			palette = append(palette, c)
			alike[rough] = true
		}
	}
	for _, c := range all[min(common, len(all)):] {
		if len(palette) < 256 && !slices.Contains(palette, color.Color(c)) {
			palette = append(palette, c)
		}
	}
	return palette
}
