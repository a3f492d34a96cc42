package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/watfiber/watfiber/internal/cli"
)

// Nothing here looks at how long something takes: only at what is done with it.

func TestNumbersInTables(t *testing.T) {
	for _, c := range []struct{ what, got, want string }{
		{"spread of runs", spread(samples{3, 1, 2}), "2.00 (1.00–3.00)"},
		{"spread of one run", spread(samples{0.0312}), "0.031"},
		{"spread of none", spread(nil), none},
		{"spread of what the system does not say", spread(samples{0, 0}), none},
		{"ratios are taken within a run", spread(samples{10, 40}.ratios(samples{10, 20})), "1.50 (1.00–2.00)"},
		{"ratio to nothing", spread(samples{1}.ratios(samples{0})), none},
		{"growth", growth(100, 125), "+25 %"},
		{"bytes a site", bytesPerSite(100, 150, 4), "12.5"},
		{"bytes a site without the peer", bytesPerSite(0, 0, 4), none},
		{"thousands", count(1578095), "1 578 095"},
		{"call", call{"sw", []int{10, 3}}.String(), "sw(10, 3)"},
		{"table", table([]string{"a", "b"}, [][]string{{"1"}}), "| a | b |\n|---|---|\n| 1 |  |\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, not %q", c.what, c.got, c.want)
		}
	}
	if m := geometricMean([]float64{1, 4}); math.Abs(m-2) > 1e-12 {
		t.Errorf("geometric mean of 1 and 4 = %g", m)
	}
}

func TestCodeSection(t *testing.T) {
	const header = "\x00asm\x01\x00\x00\x00"
	for _, c := range []struct {
		what, data string
		size       int
		bad        bool
	}{
		{what: "no section", data: header},
		{what: "behind a custom section", data: header + "\x00\x02\x01x" + "\x0a\x03\x01\x02\x03", size: 3},
		{what: "padded number", data: header + "\x0a\x83\x80\x00\x01\x02\x03", size: 3},
		{what: "cut short", data: header + "\x0a\x09\x01", bad: true},
		{what: "text", data: "(module)", bad: true},
	} {
		size, err := codeSection([]byte(c.data))
		if size != c.size || (err != nil) != c.bad {
			t.Errorf("%s: %d bytes, %v", c.what, size, err)
		}
	}
}

// A module, an engine or a tool that is missing gives a row that says so.
func TestReportOfMissingThings(t *testing.T) {
	r := &report{
		runs:     3,
		kernels:  true,
		tools:    tools{missing: []string{"wasm-opt is not installed"}},
		subjects: []*subject{{name: "lua", missing: "no source", kernels: []kernel{k("k", 1, 1)}}, {name: "go", suspend: "a.b"}},
		engines:  []engine{{name: "node", missing: "node is not installed"}},
	}
	broken := engine{name: "broken", time: func(task) (answer, error) { return answer{}, errors.New("k returns 1,\nnot 2") }}
	failing := &subject{name: "zlib", kernels: []kernel{k("k", 1, 1)}}
	failing.time(broken, 1)
	r.subjects = append(r.subjects, failing)
	text := r.markdown()
	for _, want := range []string{
		"Not there: wasm-opt is not installed.", "Failed: zlib on broken: k returns 1,; not 2.", "Not measured on node: node is not installed.",
		"| lua | not measured |", "| lua | ; not measured: no source |", "not measured",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
		t.Errorf("the report has numbers that are none:\n%s", text)
	}
	if path := findModule(t.TempDir(), "lua-O2.wasm"); path != "" {
		t.Errorf("an empty corpus has %q", path)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		what string
		s    setup
		out  string // "" if they are wrong
	}{
		{"all", setup{runs: 1}, "doc"},
		{"some", setup{runs: 1, programs: list{"quickjs"}}, "-"},
		{"some, to a file", setup{runs: 1, parts: list{partBuilds}, out: "a"}, "a"},
		{"no run", setup{}, ""},
		{"unknown program", setup{runs: 1, programs: list{"perl"}}, ""},
		{"unknown part", setup{runs: 1, parts: list{partBuilds, "all"}}, ""},
	} {
		if err := c.s.check("doc"); (err == nil) != (c.out != "") || err == nil && c.s.out != c.out {
			t.Errorf("%s: writes %q, %v", c.what, c.s.out, err)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		what string
		t    target
		want []string
	}{
		{"none", target{what: "a", limit: 2, values: []value{{"x", math.NaN()}}}, []string{"a", "at most 2", "not measured", "–"}},
		{"reached", target{what: "a", limit: 2, values: []value{{"x", 1}, {"y", 2}}}, []string{"a", "at most 2", "y 2.00, x 1.00", "yes"}},
		{"missed", target{what: "a", limit: 0.33, values: []value{{"x", 0.1}, {"y", 0.4}}}, []string{"a", "at most 0.33", "y 0.40, x 0.10", "no"}},
		{"at least", target{what: "a", limit: 40, atLeast: true, values: []value{{"x", 90}, {"y", 41}}}, []string{"a", "at least 40", "y 41.0, x 90.0", "yes"}},
		{"too little", target{what: "a", limit: 40, atLeast: true, values: []value{{"x", 39}}}, []string{"a", "at least 40", "x 39.0", "no"}},
	} {
		if diff := cmp.Diff(c.want, c.t.row()); diff != "" {
			t.Errorf("%s: (-want, +got)\n%s", c.what, diff)
		}
	}
}

// Both engines take the same task, and find the same frames.
func TestEnginesAgree(t *testing.T) {
	t.Chdir("..")
	input := filepath.Join("examples", "c", "kernels-O2.wasm")
	output := filepath.Join(t.TempDir(), "built.wasm")
	var diagnosis bytes.Buffer
	if code := cli.Run([]string{"build", "--suspend=env.yield", input, "-o", output}, nil, &diagnosis, &diagnosis); code != 0 {
		t.Fatal(diagnosis.String())
	}
	if sites, err := sitesIn(diagnosis.String()); err != nil || sites == 0 {
		t.Errorf("%d call sites, %v", sites, err)
	}
	work := task{
		modules: []module{{original, input}, {ours, output}},
		kernels: []call{{"k_fib", []int{5}}, {"k_json", []int{2}}}, switches: []call{{"sw", []int{3, 4}}, {"swfat", []int{2, 2}}},
		runs: 2, best: 1,
	}
	answers := map[string]answer{}
	tools := nodesHere(t)
	for _, e := range engines(tools) {
		if e.missing != "" {
			t.Log(e.missing)
			continue
		}
		a, err := e.time(work)
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		answers[e.name] = a
		for _, t := range a.Switches {
			delete(t.Bytes, awaited)
			delete(t.Bytes, stackSwitching)
		}
		if len(a.Kernels) != 2 || len(a.Switches) != 2 || len(a.Kernels[0].Samples[original]) != 2 || len(a.Switches[0].Samples[ours]) != 2 {
			t.Errorf("%s has not answered everything: %+v", e.name, a)
		}
	}
	for name, a := range answers {
		for i := range work.switches {
			if diff := cmp.Diff(answers["wazero"].Switches[i].Bytes, a.Switches[i].Bytes); diff != "" {
				t.Errorf("%s: bytes in the buffer on wazero (-) and %s (+):\n%s", work.switches[i], name, diff)
			}
		}
	}
}

// nodesHere has the node that is installed, if there is one.
func nodesHere(t *testing.T) tools {
	var found tools
	if path, err := exec.LookPath("node"); err == nil {
		found.addNode(path)
	} else {
		t.Log("node is not installed")
	}
	return found
}

// The programs with fibers return what they should in every build, and take the same
// memory and resume as often on every engine.
func TestShapesAgree(t *testing.T) {
	t.Chdir("..")
	tools := nodesHere(t)
	tools.watfiber = filepath.Join(t.TempDir(), "watfiber")
	if out, err := exec.Command("go", "build", "-o", tools.watfiber, "./cmd/watfiber").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if path, err := exec.LookPath("wasm-opt"); err == nil {
		tools.addPeer(command{program: path})
	}
	modules, err := buildShapes(tools, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		call
		result uint64
	}{
		{call{"itersum", []int{0, 100}}, 5050},
		{call{"itersum", []int{20, 100}}, 5050},
		{call{"treesum", []int{6}}, 64 * 65 / 2},
		{call{"sieve", []int{40}}, 173},
		{call{"skynet", []int{1000}}, 999 * 1000 / 2},
		{call{"c10m", []int{10, 4, 640}}, 6 * 45}, // connection n finds n on its stack, three times, and shifts the sum
		{call{"state", []int{50}}, 2*50 + 1},
	}
	work := task{modules: modules, runs: 1, best: 1}
	for _, c := range cases {
		work.shapes = append(work.shapes, c.call)
		for _, m := range modules {
			if got := resultOf(t, m, c.call); got != c.result {
				t.Errorf("%s in the module of %s = %d, not %d", c.call, m.builder, got, c.result)
			}
		}
	}
	var first []timing
	for _, e := range engines(tools) {
		if e.missing != "" {
			t.Log(e.missing)
			continue
		}
		a, err := e.time(work)
		if err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		if first == nil {
			first = a.Shapes
		}
		for i := range a.Shapes {
			a.Shapes[i].Samples = first[i].Samples
		}
		if diff := cmp.Diff(first, a.Shapes); diff != "" {
			t.Errorf("wazero (-) and %s (+) differ in more than time:\n%s", e.name, diff)
		}
	}
}

// resultOf returns what a call returns in a new instance.
func resultOf(t *testing.T, m module, c call) uint64 {
	t.Helper()
	ctx := context.Background()
	p, err := wazeroLab{ctx, wazero.NewRuntimeConfigInterpreter(), task{}}.program(m, c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	result, err := p.call()
	if err != nil {
		t.Fatalf("%s in the module of %s: %v", c, m.builder, err)
	}
	return result
}

func TestSectionIsReplaced(t *testing.T) {
	const section = shapeHeading + "\nnew\n"
	for _, c := range []struct{ what, document, want string }{
		{"none", "# A\n\n## B\n\nb\n", "# A\n\n## B\n\nb\n" + section},
		{"the last", "# A\n" + shapeHeading + "\nold\n\n### C\n", "# A\n" + section},
		{"in the middle", "# A\n" + shapeHeading + "\nold\n\n## B\n", "# A\n" + section + "\n## B\n"},
	} {
		if got := replaceShapes(c.document, section); got != c.want {
			t.Errorf("%s: %q, not %q", c.what, got, c.want)
		}
	}
}
