package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/internal/explain"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

type explainCmd struct {
	selection
	tuning
	Sort     string `enum:"growth,percent,sites,frame,size,name,index" default:"growth" help:"The order of the functions in the summary: growth in bytes or in percent, call sites, size of the frame, size of the function, name or index."`
	Top      int    `default:"20" placeholder:"N" help:"How many functions the summary lists; 20 if this does not say."`
	Tree     bool   `help:"Everything through which the function reaches what suspends, as a tree; without a function, all callers of what suspends."`
	Depth    int    `default:"8" placeholder:"N" help:"How deep the tree goes; 8 if this does not say."`
	JSON     bool   `name:"json" xor:"form" help:"Everything as JSON."`
	Dot      bool   `xor:"form" help:"The graph of what may suspend, for Graphviz."`
	Input    string `arg:"" name:"module" help:"Text or binary, not rewritten yet; - is standard input."`
	Function string `arg:"" optional:"" name:"func" help:"A function, by its name, that of its export, or its index; * stands for any characters."`
}

// Help is the end of watfiber explain --help.
func (explainCmd) Help() string {
	return `Says which functions get code, why, and what it costs: in all, or for one function the way to what suspends, its call sites, its frame, and what would have to change for it to get none.

Examples:

    watfiber explain --suspend=env.sleep app.wasm
    watfiber explain --suspend=env.sleep app.wasm parse
    watfiber explain --suspend=env.sleep --tree app.wasm main
    watfiber explain --suspend=env.sleep --dot app.wasm main | dot -Tsvg -o main.svg`
}

// Run is watfiber explain.
func (x *explainCmd) Run(c *console) error {
	opts, err := x.options()
	if err != nil {
		return err
	}
	if err := x.tune(&opts); err != nil {
		return err
	}
	if x.Top < 0 || x.Depth < 1 {
		return usageError("--top and --depth count")
	}
	m, err := c.load(x.Input)
	if err != nil {
		return err
	}
	if err := x.forModule(m, &opts); err != nil {
		return err
	}
	opts.Lines = c.sourceLines(m)
	e, err := rewrite.Explain(m, opts)
	if err != nil {
		return err
	}
	c.notes(x.peer.notes)
	c.notes(e.Result.Notes)
	found := []int{-1}
	if x.Function != "" {
		if found, err = findFunctions(m, e.Labels, x.Function); err != nil {
			return err
		}
	}
	facts := explain.Facts(e)
	if x.JSON {
		return c.explainJSON(facts, found)
	}
	for i, index := range found {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		x.print(c, facts, index)
	}
	return nil
}

// print writes what is asked for about a function, or about the module if index is
// negative.
func (x *explainCmd) print(c *console, facts *explain.Module, index int) {
	switch {
	case x.Dot:
		facts.Dot(c.stdout, index)
	case x.Tree && index < 0:
		facts.Callers(c.stdout, x.Depth)
	case x.Tree:
		facts.Tree(c.stdout, index, x.Depth)
	case index < 0:
		facts.Summary(c.stdout, x.Sort, x.Top)
	default:
		facts.Function(c.stdout, index)
	}
}

func (c *console) explainJSON(facts *explain.Module, found []int) error {
	out := json.NewEncoder(c.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if found[0] < 0 {
		return out.Encode(facts)
	}
	for _, index := range found {
		facts.Path(index)
		if err := out.Encode(facts.Funcs[index]); err != nil {
			return err
		}
	}
	return nil
}

// findFunctions returns the functions that a word names.
func findFunctions(m *wat.Module, labels []string, word string) ([]int, error) {
	if n, err := strconv.Atoi(word); err == nil && n >= 0 && n < len(m.Funcs) {
		return []int{n}, nil
	}
	var found []int
	exports := map[string]int{}
	var known []string
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc {
			exports[e.Name] = int(e.Index)
			known = append(known, e.Name)
		}
	}
	for i, label := range labels {
		name := strings.TrimPrefix(label, "$")
		known = append(known, name)
		if rewrite.Matches(strings.TrimPrefix(word, "$"), name) {
			found = append(found, i)
		}
	}
	if i, ok := exports[word]; ok && len(found) == 0 {
		found = []int{i}
	}
	if len(found) == 0 {
		return nil, unknown("function", word, known)
	}
	return found, nil
}
