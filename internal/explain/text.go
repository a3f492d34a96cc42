//go:build !js

package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
)

// Orders are the orders in which a summary lists functions.
var Orders = []string{"growth", "percent", "sites", "frame", "size", "name", "index"}

// Sort sorts functions by one of Orders, the largest first but for name and index.
func Sort(funcs []*Function, by string) {
	key := map[string]func(*Function) int{
		"growth":  (*Function).Growth,
		"percent": func(f *Function) int { return f.Growth() * 1000 / max(f.Before, 1) },
		"sites":   func(f *Function) int { return len(f.Sites) },
		"frame":   func(f *Function) int { return f.Frame },
		"size":    func(f *Function) int { return f.After },
		"name":    func(*Function) int { return 0 },
		"index":   func(f *Function) int { return -f.Index },
	}[by]
	slices.SortStableFunc(funcs, func(a, b *Function) int {
		return cmp.Or(cmp.Compare(key(b), key(a)), strings.Compare(a.Name, b.Name))
	})
}

// Summary writes what is known of the module and of the most functions that get
// code, in an order of Orders.
func (f *Module) Summary(w io.Writer, by string, most int) {
	fmt.Fprintf(w, "%s: %d of %s, %s\n\n", f.Name, f.Instrumented, counted(f.Functions, "function gets code", "functions get code"), counted(f.Sites, "call site", "call sites"))
	t := newTable(w)
	if f.OnlyIndirect > 0 {
		t.row("tables", fmt.Sprintf("%d of them only because calls through tables may suspend", f.OnlyIndirect))
	}
	for _, table := range f.Tables {
		if table.Calls > 0 {
			t.row(fmt.Sprintf("table %d", table.Number), table.text())
		}
	}
	if s := f.suspending(); len(s) > 0 {
		t.row("suspends", strings.Join(s, ", "))
	}
	t.row("code", fmt.Sprintf("%d → %d bytes, %+.1f %%; %d in the functions%s, %d of the runtime",
		f.Before, f.After, percent(f.After-f.Before, f.Before), f.inFunctions(), f.perSite(), f.Runtime))
	if f.HotCopies > 0 {
		t.row("speed", fmt.Sprintf("%s of functions, %d bytes besides", counted(f.HotCopies, "hot copy", "hot copies"), f.HotBytes))
	}
	t.flush()
	f.list(w, by, most)
}

func (f *Module) perSite() string {
	if f.Sites == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.1f a site)", float64(f.inFunctions())/float64(f.Sites))
}

// inFunctions returns how many bytes the functions of the source have grown by.
func (f *Module) inFunctions() int { return f.After - f.Before - f.Runtime - f.HotBytes }

func (t Table) text() string {
	who := "no host can put in others"
	if t.Open != "" {
		who = "a host may put in others: " + t.Open
	}
	return fmt.Sprintf("may hold %s; %s; %s of %s, of which %d may suspend",
		counted(t.Holds, "function", "functions"), who, counted(t.Calls, "call", "calls"), counted(t.Types, "type", "types"), t.Suspend)
}

// suspending names what a suspension begins with.
func (f *Module) suspending() []string {
	var all []string
	for _, fn := range f.Funcs {
		if fn.Status == Suspending || fn.Status == Top {
			all = append(all, fn.Name)
		}
	}
	return all
}

// list writes a line for each of the functions that get code.
func (f *Module) list(w io.Writer, by string, most int) {
	var funcs []*Function
	for i := range f.Funcs {
		if f.Funcs[i].Status == Instrumented {
			funcs = append(funcs, &f.Funcs[i])
		}
	}
	Sort(funcs, by)
	fmt.Fprintf(w, "\nfunctions that get code, by %s\n", by)
	t := newTable(w)
	t.row("  bytes", " added", "   %", "sites", "frame", "function", "why")
	for i, fn := range funcs {
		if i == most {
			break
		}
		t.row(fmt.Sprintf("%7d", fn.After), fmt.Sprintf("%+6d", fn.Growth()), fmt.Sprintf("%4.0f", percent(fn.Growth(), fn.Before)),
			fmt.Sprintf("%5d", len(fn.Sites)), fmt.Sprintf("%5d", fn.Frame), fn.Name, fn.Why)
	}
	t.flush()
	if len(funcs) > most {
		fmt.Fprintf(w, "  and %d more\n", len(funcs)-most)
	}
}

// Function writes what is known of a function.
func (f *Module) Function(w io.Writer, index int) {
	fn := &f.Funcs[index]
	fmt.Fprintf(w, "%s %s\n", fn.Name, f.verdict(fn))
	if fn.Status == Instrumented {
		f.instrumented(w, fn)
	} else if fn.Status == Untouched {
		f.whyNot(w, fn)
	}
	if callers := f.callers(index); len(callers) > 0 {
		fmt.Fprintf(w, "\ncalled by %s\n", someOf(callers, 12))
	}
}

// verdict says what a rewrite does with a function, and why.
func (f *Module) verdict(fn *Function) string {
	switch fn.Status {
	case Instrumented:
		return "gets code: it " + fn.Why
	case Suspending:
		return "is a suspending import"
	case Import:
		return "is an import that does not suspend"
	case Top:
		return "gets no code, but its callers do: it calls start_unwind or stop_rewind, which makes it the top of an unwind"
	case Bottom:
		return "gets no code, nor do its callers: it calls stop_unwind or start_rewind, which makes it the bottom of an unwind"
	}
	id := wat.FuncID(fn.Index)
	switch {
	case f.e.Removed(id):
		return "gets no code: a list or an annotation says that it never suspends"
	case f.e.Graph.Suspends(id):
		return "gets no code: control reaches none of its calls that may suspend"
	}
	return "gets no code: nothing that it calls may suspend"
}

func (f *Module) instrumented(w io.Writer, fn *Function) {
	fmt.Fprintf(w, "\nshortest path to what suspends, through as few tables as possible\n")
	t := newTable(w)
	for _, s := range f.Path(fn.Index) {
		t.row(s.From, s.Why, s.Place)
	}
	t.flush()
	fmt.Fprintf(w, "\n%s, of %s\n", counted(len(fn.Sites), "call site", "call sites"), counted(len(f.e.Graph.Of(wat.FuncID(fn.Index))), "call", "calls"))
	t = newTable(w)
	for k, s := range fn.Sites {
		t.row(fmt.Sprint(k), s.Calls, s.Why, s.Place, counted(s.Live, "slot", "slots")+" live")
	}
	t.flush()
	f.frame(w, fn)
	fmt.Fprintf(w, "\ncost: %d → %d bytes, %+d (%.0f %%), %.1f a site\n", fn.Before, fn.After, fn.Growth(), percent(fn.Growth(), fn.Before), float64(fn.Growth())/float64(len(fn.Sites)))
	f.cut(w, fn)
}

// frame writes what lies in the frame of a function, by its place there.
func (f *Module) frame(w io.Writer, fn *Function) {
	whole, small := 0, fn.Frame
	for _, site := range fn.Sites {
		small = min(small, site.Frame)
		if site.Frame == fn.Frame {
			whole++
		}
	}
	fmt.Fprintf(w, "\nframe of %d bytes", small)
	if small < fn.Frame {
		fmt.Fprintf(w, ", of %d at %d of %d sites", fn.Frame, whole, len(fn.Sites))
	}
	fmt.Fprintln(w)
	type row struct {
		at                uint32
		name, typ, needed string
	}
	var rows []row
	if at := f.e.Functions[wat.FuncID(fn.Index)].Frame.SiteAt; at >= 0 {
		rows = append(rows, row{uint32(at), "site", "i32", "the number of the site"})
	}
	for _, s := range fn.Slots {
		rows = append(rows, row{s.Offset, s.Name, s.Type, s.neededAt(len(fn.Sites))})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.at, b.at) })
	t := newTable(w)
	for _, r := range rows {
		t.row(fmt.Sprintf("+%d", r.at), r.name, r.typ, r.needed)
	}
	t.flush()
}

// neededAt says at which sites a slot is needed.
func (s Slot) neededAt(sites int) string {
	switch n := len(s.Sites); {
	case n == sites:
		return "needed at all sites"
	case n > 8:
		return fmt.Sprintf("needed at %d of %d sites", n, sites)
	}
	words := make([]string, len(s.Sites))
	for i, k := range s.Sites {
		words[i] = fmt.Sprint(k)
	}
	if len(words) == 0 {
		return "needed at none"
	}
	return "needed at " + strings.Join(words, ", ")
}

// mostCuts bounds the edges of a cut that is worth to be shown.
const mostCuts = 20

// cut writes the fewest edges without which a function gets no code.
func (f *Module) cut(w io.Writer, fn *Function) {
	edges, found := f.e.Graph.Cut(wat.FuncID(fn.Index), mostCuts)
	if !found {
		fmt.Fprintf(w, "\nto free it, more than %d edges of the call graph have to be cut\n", mostCuts)
		return
	}
	fmt.Fprintf(w, "\nto free it, cut %s of the call graph\n", counted(len(edges), "edge", "edges"))
	t := newTable(w)
	for _, e := range edges {
		t.row(f.node(e.From), "→", f.node(e.To), f.edgePlace(e))
	}
	t.flush()
}

func (f *Module) edgePlace(e callgraph.Edge) string {
	if !e.HasCall {
		return ""
	}
	return place(f.e, e.Call.Caller, int(e.Call.Instr))
}

// node names a node of the call graph.
func (f *Module) node(n callgraph.Node) string {
	switch {
	case n.IsFunc():
		return f.e.Labels[n.Func]
	case n.IsClass():
		return classText(f.e, n.Class)
	}
	return "what suspends outside"
}

// whyNot writes what a function without code calls.
func (f *Module) whyNot(w io.Writer, fn *Function) {
	calls := f.e.Graph.Of(wat.FuncID(fn.Index))
	if len(calls) == 0 {
		fmt.Fprintf(w, "\nit calls nothing\n")
		return
	}
	seen := map[string]bool{}
	fmt.Fprintf(w, "\nwhat it calls\n")
	t := newTable(w)
	for _, c := range calls {
		text := callText(f.e, c)
		if !seen[text] {
			seen[text] = true
			t.row(text, f.calleeVerdict(c))
		}
	}
	t.flush()
}

func (f *Module) calleeVerdict(c callgraph.Call) string {
	if r := f.e.Graph.WhyCall(c); r.Kind != callgraph.NotSuspending {
		return reasonText(f.e, r)
	}
	if c.Class < 0 {
		return "does not suspend"
	}
	class := f.e.Graph.Classes()[c.Class]
	if len(class.Targets) == 0 {
		return "the table holds no function of this type"
	}
	return fmt.Sprintf("reaches %s, none of which suspends", counted(len(class.Targets), "function", "functions"))
}

// callers names the functions that are known to call a function.
func (f *Module) callers(index int) []string {
	var names []string
	last := -1
	f.e.Graph.Callers(wat.FuncID(index), func(c callgraph.Call) {
		if int(c.Caller) != last {
			last = int(c.Caller)
			names = append(names, f.e.Labels[c.Caller])
		}
	})
	return names
}

// someOf joins the first names.
func someOf(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

// A table writes lines in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...string) {
	fmt.Fprintln(t.w, "  "+strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

func (t table) flush() { t.w.Flush() }
