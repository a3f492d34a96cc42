package callgraph_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/check"
)

// A program is a random module: functions of two types that call each other, directly
// and through a table, and one import that suspends, function 0.
type program struct {
	types  []int   // by function: 0 or 1
	calls  [][]int // by function: the callee, or -1 - the type of a call through the table
	table  []int   // the functions in it
	remove []bool
}

func randomProgram(r *rand.Rand) *program {
	n := 2 + r.IntN(7)
	p := &program{types: make([]int, n), calls: make([][]int, n), remove: make([]bool, n)}
	for i := 1; i < n; i++ {
		p.types[i] = r.IntN(2)
		for range r.IntN(4) {
			callee := r.IntN(n+2) - 2
			p.calls[i] = append(p.calls[i], callee)
		}
		p.remove[i] = r.IntN(8) == 0
	}
	for i := range n {
		if r.IntN(3) == 0 {
			p.table = append(p.table, i)
		}
	}
	return p
}

func (p *program) text() string {
	var b strings.Builder
	b.WriteString("(type $a (func)) (type $b (func (param i32)))\n(import \"env\" \"wait\" (func))\n")
	fmt.Fprintf(&b, "(table %d funcref) (elem (i32.const 0) func", len(p.table)+1)
	for _, f := range p.table {
		fmt.Fprintf(&b, " %d", f)
	}
	b.WriteString(")\n")
	for i := 1; i < len(p.types); i++ {
		fmt.Fprintf(&b, "(func (type $%c)", 'a'+p.types[i])
		for _, callee := range p.calls[i] {
			typ := -1 - callee
			if callee >= 0 {
				typ = p.types[callee]
			}
			if typ == 1 {
				b.WriteString(" i32.const 1")
			}
			if callee >= 0 {
				fmt.Fprintf(&b, " call %d", callee)
			} else {
				fmt.Fprintf(&b, " global.get 0 call_indirect (type %d)", typ)
			}
		}
		b.WriteString(")\n")
	}
	b.WriteString("(global (mut i32) (i32.const 0))")
	return b.String()
}

// A cost is how many tables and steps there are to what suspends.
type cost struct{ tables, steps int }

const never = 1 << 20

func (c cost) less(d cost) bool {
	return c.tables < d.tables || c.tables == d.tables && c.steps < d.steps
}

// costs returns for each function how far it is to the import, without some edges.
func (p *program) costs(cut map[[2]int]bool) []cost {
	all := make([]cost, len(p.types))
	for i := range all {
		all[i] = cost{never, never}
	}
	all[0] = cost{}
	for changed := true; changed; {
		changed = false
		better := func(f int, c cost) {
			if !p.remove[f] && c.less(all[f]) {
				all[f], changed = c, true
			}
		}
		for f := 1; f < len(p.types); f++ {
			for _, callee := range p.calls[f] {
				switch {
				case cut[[2]int{f, callee}]:
				case callee >= 0:
					better(f, cost{all[callee].tables, all[callee].steps + 1})
				default:
					for _, target := range p.table {
						if p.types[target] == -1-callee && !cut[[2]int{callee, target}] {
							better(f, cost{all[target].tables + 1, all[target].steps + 1})
						}
					}
				}
			}
		}
	}
	return all
}

func (p *program) build(t *testing.T) *callgraph.Graph {
	m, err := wat.Parse("in.wat", p.text())
	if err == nil {
		err = check.Module(m)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, p.text())
	}
	imports := make([]bool, len(m.Funcs))
	imports[0] = true
	return callgraph.Collect(m).Build(callgraph.Config{Imports: imports, Remove: p.remove})
}

// What suspends, the shortest path to it and the smallest cut are those that trying
// everything finds.
func TestRandomPrograms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p := randomProgram(r)
		g := p.build(t)
		for f, want := range p.costs(nil) {
			id := wat.FuncID(f)
			if g.Suspends(id) != (want.tables < never) {
				t.Fatalf("function %d suspends: %t\n%s", f, g.Suspends(id), p.text())
			}
			if got := pathCost(g, id); g.Suspends(id) && got != want {
				t.Fatalf("function %d: the path has tables and steps %v, there is one with %v\n%s", f, got, want, p.text())
			}
			if f > 0 && g.Suspends(id) {
				p.checkCut(t, g, f)
			}
		}
	}
}

func pathCost(g *callgraph.Graph, f wat.FuncID) (c cost) {
	for _, r := range g.Path(f) {
		switch r.Kind {
		case callgraph.CallsThrough:
			c.tables++
			c.steps++
		case callgraph.CallsFunction:
			c.steps++
		}
	}
	return c
}

// checkCut checks that a cut frees a function, that none with an edge less does, and that
// its edges are in order: functions first, then classes.
func (p *program) checkCut(t *testing.T, g *callgraph.Graph, f int) {
	edges, found := g.Cut(wat.FuncID(f), 100)
	if !found {
		t.Fatalf("no cut for function %d\n%s", f, p.text())
	}
	cut := map[[2]int]bool{}
	for _, e := range edges {
		cut[[2]int{p.number(g, e.From), p.number(g, e.To)}] = true
	}
	if len(cut) != len(edges) || p.costs(cut)[f].tables < never {
		t.Fatalf("cutting %v does not free function %d\n%s", cut, f, p.text())
	}
	inOrder := slices.IsSortedFunc(edges, func(a, b callgraph.Edge) int {
		return cmp.Or(cmp.Compare(a.From.Class, b.From.Class), cmp.Compare(a.From.Func, b.From.Func))
	})
	if !inOrder {
		t.Fatalf("the cut of function %d is out of order: %v\n%s", f, edges, p.text())
	}
	if all := p.edges(); p.freedBy(f, all, len(edges)-1, map[[2]int]bool{}) {
		t.Fatalf("function %d can be freed by less than %v\n%s", f, cut, p.text())
	}
}

// number returns the number of a node, as calls have it.
func (p *program) number(g *callgraph.Graph, n callgraph.Node) int {
	if n.IsClass() {
		return -1 - int(g.Classes()[n.Class].Type)
	}
	return int(n.Func)
}

func (p *program) edges() (all [][2]int) {
	for f, calls := range p.calls {
		for _, callee := range calls {
			all = append(all, [2]int{f, callee})
		}
	}
	for _, target := range p.table {
		all = append(all, [2]int{-1 - p.types[target], target})
	}
	return all
}

// freedBy tries all ways to cut so many edges.
func (p *program) freedBy(f int, edges [][2]int, n int, cut map[[2]int]bool) bool {
	if n <= 0 {
		return p.costs(cut)[f].tables == never
	}
	for i, e := range edges {
		if cut[e] {
			continue
		}
		cut[e] = true
		if p.freedBy(f, edges[i+1:], n-1, cut) {
			return true
		}
		delete(cut, e)
	}
	return false
}

// Why a host may put functions into a table, and what a table may hold.
func TestTables(t *testing.T) {
	const header = `(func $a) (func $b (param i32)) (func $c (export "c")) (func $d)
		(elem declare func $c)
		(func $use (param i32) local.get 0 call_indirect (type 0))`
	for _, c := range []struct {
		name, fields, open string
		holds              int
	}{
		{"fixed", `(table 2 funcref) (elem (i32.const 0) $a $b)`, "", 2},
		{"exported", `(table (export "t") 2 funcref) (elem (i32.const 0) $a)`, "it is exported", 2},
		{"imported", `(import "env" "t" (table 1 funcref)) (elem (i32.const 0) $a)`, "it is imported", 2},
		{"written", `(table 2 funcref) (elem (i32.const 0) $a) (func (table.set (i32.const 0) (ref.func $c)))`, "", 2},
		{"grown", `(table 2 funcref) (func (drop (table.grow (ref.func $c) (i32.const 1))))`, "", 1},
		{"initialised", `(table 2 funcref) (elem $e func $a $d) (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 2)))`, "", 2},
		{"written from outside", `(table 2 funcref) (func (export "set") (param funcref) (table.set (i32.const 0) (local.get 0)))`, "code writes to it, and an export takes a reference", 2},
		{"an imported reference", `(import "env" "f" (global funcref)) (table 1 funcref) (elem (table 0) (i32.const 0) funcref (global.get 0))`, "a segment puts a reference from a global into it", 1},
		{"somewhere", `(import "env" "at" (global i32)) (table 9 funcref) (elem (global.get 0) func $a $b)`, "", 2},
	} {
		fields := c.fields + header
		if i := strings.Index(c.fields, ")) ("); strings.HasPrefix(c.fields, "(import") && i > 0 {
			fields = c.fields[:i+2] + header + c.fields[i+2:]
		}
		m, err := wat.Parse("in.wat", "(type (func))"+fields)
		if err == nil {
			err = check.Module(m)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		g := callgraph.Collect(m)
		if got := g.OpenTable(0); got != c.open {
			t.Errorf("%s: the table is open since %q, not %q", c.name, got, c.open)
		}
		if got := len(g.Holds(0)); got != c.holds {
			t.Errorf("%s: the table may hold %d functions, not %d", c.name, got, c.holds)
		}
	}
}
