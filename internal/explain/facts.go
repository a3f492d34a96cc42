package explain

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// Module is what is known of a module and its rewrite. Sizes are bytes of its code
// section, encoded anew before and after.
type Module struct {
	Name         string `json:"name"`
	Functions    int    `json:"functions"`    // with a body
	Instrumented int    `json:"instrumented"` // that get code
	// OnlyIndirect counts those that would not if calls through tables never suspended.
	OnlyIndirect int        `json:"onlyIndirect"`
	Sites        int        `json:"sites"`
	Before       int        `json:"bytesBefore"`
	After        int        `json:"bytesAfter"`
	HotCopies    int        `json:"hotCopies"`
	HotBytes     int        `json:"bytesHotCopies"`
	Runtime      int        `json:"bytesRuntime"` // of the other functions that the rewrite adds
	Tables       []Table    `json:"tables,omitempty"`
	Funcs        []Function `json:"funcs"`

	e *rewrite.Explanation
}

// Table is what is known of a table.
type Table struct {
	Number  uint32 `json:"number"`
	Holds   int    `json:"holds"`          // functions that it may hold
	Open    string `json:"open,omitempty"` // why a host may put others into it
	Calls   int    `json:"calls"`          // through it, whose slot is not known
	Types   int    `json:"types"`          // types of such calls
	Suspend int    `json:"typesThatSuspend"`
}

// A Status says what a rewrite does with a function.
type Status string

// The statuses.
const (
	Instrumented Status = "instrumented"
	Untouched    Status = "untouched"
	Import       Status = "import"
	Suspending   Status = "suspending import"
	Top          Status = "top"
	Bottom       Status = "bottom"
)

// Function is what is known of a function.
type Function struct {
	Index   int      `json:"index"`
	Name    string   `json:"name"`
	Exports []string `json:"exports,omitempty"`
	Status  Status   `json:"status"`
	Why     string   `json:"why,omitempty"`
	Path    []Step   `json:"path,omitempty"` // see Module.Path
	Sites   []Site   `json:"sites,omitempty"`
	Frame   int      `json:"frame"` // bytes of the largest
	Slots   []Slot   `json:"slots,omitempty"`
	Before  int      `json:"bytesBefore"`
	After   int      `json:"bytesAfter"`
}

// Growth returns how many bytes a function has grown by.
func (f *Function) Growth() int { return f.After - f.Before }

// A Step is a call on the way to what suspends.
type Step struct {
	From  string `json:"from"`
	Why   string `json:"why"`
	Place string `json:"place,omitempty"` // file:line
}

// A Site is a call that may suspend.
type Site struct {
	Calls string `json:"calls"`
	Why   string `json:"why"`
	Place string `json:"place,omitempty"`
	Live  int    `json:"live"`  // slots that are needed behind it
	Frame int    `json:"frame"` // bytes
}

// A Slot is a value in a frame.
type Slot struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Offset uint32 `json:"offset"`
	Sites  []int  `json:"sites"` // where it is needed
}

// Facts collects what is known.
func Facts(e *rewrite.Explanation) *Module {
	m := e.Module
	before, after := sizes(m), sizes(e.Result.Module)
	f := &Module{
		Name: m.Source.Name, Functions: e.Result.Functions, Instrumented: e.Result.Instrumented, Sites: e.Result.Sites,
		Before: total(before), After: total(after), e: e,
	}
	exports := make([][]string, len(m.Funcs))
	for _, x := range m.Exports {
		if x.Kind == wat.KindFunc {
			exports[x.Index] = append(exports[x.Index], x.Name)
		}
	}
	direct := e.Graph.With(callgraph.None)
	for id := range m.Funcs {
		fn := wat.FuncID(id)
		if e.Functions[fn] != nil && !direct.Suspends(fn) {
			f.OnlyIndirect++
		}
		f.Funcs = append(f.Funcs, Function{
			Index: id, Name: e.Labels[id], Exports: exports[id], Status: status(e, fn), Why: e.Why(fn),
			Before: before[id], After: after[id],
		})
		f.Funcs[id].describe(e, fn)
	}
	for id := len(m.Funcs); id < len(after); id++ {
		if strings.HasPrefix(e.Result.Module.Funcs[id].Name, "fiber.hot.") {
			f.HotCopies++
			f.HotBytes += after[id]
		} else {
			f.Runtime += after[id]
		}
	}
	f.tables()
	return f
}

// sizes returns the bytes of the code of each function, 0 of an import.
func sizes(m *wat.Module) []int {
	entries := binary.CodeSizes(binary.Encode(m))
	all := make([]int, len(m.Funcs))
	next := 0
	for id, f := range m.Funcs {
		if f.Import == nil {
			all[id] = entries[next]
			next++
		}
	}
	return all
}

func total(sizes []int) int {
	n := 0
	for _, size := range sizes {
		n += size
	}
	return n
}

func status(e *rewrite.Explanation, f wat.FuncID) Status {
	switch {
	case e.Functions[f] != nil:
		return Instrumented
	case e.Tops[f]:
		return Top
	case e.Bottoms[f]:
		return Bottom
	case e.Graph.Why(f).Kind == callgraph.IsImport:
		return Suspending
	case e.Module.Funcs[f].Import != nil:
		return Import
	}
	return Untouched
}

// describe fills in the sites and the frame of an instrumented function.
func (f *Function) describe(e *rewrite.Explanation, id wat.FuncID) {
	in := e.Functions[id]
	if in == nil {
		return
	}
	f.Frame = int(in.Frame.Size)
	for _, s := range in.Frame.Slots {
		f.Slots = append(f.Slots, Slot{Name: s.Name, Type: typeNames[s.Type], Offset: s.Offset, Sites: []int{}})
	}
	for k, c := range in.Sites {
		site := Site{Calls: callText(e, c), Why: reasonText(e, e.Graph.WhyCall(c)), Place: place(e, id, int(c.Instr)), Frame: int(in.Frame.Size - in.Frame.Rare)}
		for slot, live := range in.Frame.Sites[k].Live {
			if live {
				if in.Frame.Slots[slot].Offset < in.Frame.Rare {
					site.Frame = f.Frame
				}
				site.Live++
				f.Slots[slot].Sites = append(f.Slots[slot].Sites, k)
			}
		}
		f.Sites = append(f.Sites, site)
	}
}

var typeNames = map[byte]string{'i': "i32", 'l': "i64", 'f': "f32", 'd': "f64", 'v': "v128"}

// Path returns the shortest path from a function to what suspends, and puts it into
// what is known of the function: all paths of a module may be much longer than it.
func (f *Module) Path(index int) []Step {
	e, id := f.e, wat.FuncID(index)
	var steps []Step
	for _, r := range e.Graph.Path(id) {
		step := Step{From: e.Labels[id], Why: e.Why(id)}
		if r.Kind >= callgraph.CallsFunction && r.Kind <= callgraph.CallIsMarked {
			step.Place = place(e, id, int(r.Call.Instr))
		}
		steps = append(steps, step)
		id = r.To
	}
	f.Funcs[index].Path = steps
	return steps
}

// place returns where an instruction comes from, "" if that is not known.
func place(e *rewrite.Explanation, id wat.FuncID, instr int) string {
	if file, line := e.Line(id, instr); file != "" {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return ""
}

// callText names what a call calls.
func callText(e *rewrite.Explanation, c callgraph.Call) string {
	switch c.Class {
	case callgraph.Direct:
		return e.Labels[c.Callee]
	case callgraph.Known:
		return e.Labels[c.Callee] + ", by a constant slot of a table"
	case callgraph.Trap:
		return "a slot of a table that holds no such function"
	}
	return classText(e, c.Class)
}

// classText names a class of calls through a table.
func classText(e *rewrite.Explanation, k int32) string {
	class := e.Graph.Classes()[k]
	return fmt.Sprintf("table %d, type %s", class.Table, typeText(e.Module.Types[class.Type].FuncType))
}

func typeText(t wat.FuncType) string {
	if s := t.String(); s != "" {
		return s
	}
	return "()"
}

// reasonText says why a call may suspend.
func reasonText(e *rewrite.Explanation, r callgraph.Reason) string {
	switch r.Kind {
	case callgraph.CallsFunction:
		if e.Graph.Why(r.To).Kind == callgraph.IsImport {
			return "a suspending import"
		}
		return "may suspend"
	case callgraph.CallsThrough:
		return "may hold " + e.Labels[r.To]
	case callgraph.CallsOpen:
		return "a host may change the table"
	case callgraph.CallIsMarked:
		return "the source says so"
	}
	return "all calls through tables may suspend, or all in this function"
}

// tables fills in what is known of the tables.
func (f *Module) tables() {
	e := f.e
	for id := range e.Module.Tables {
		t := Table{Number: uint32(id), Open: e.Graph.OpenTable(wat.TableID(id)), Holds: len(e.Graph.Holds(wat.TableID(id)))}
		f.Tables = append(f.Tables, t)
	}
	calls := make([]int, len(e.Graph.Classes()))
	for id := range e.Module.Funcs {
		for _, c := range e.Graph.Of(wat.FuncID(id)) {
			if c.Class >= 0 {
				calls[c.Class]++
			}
		}
	}
	for k, class := range e.Graph.Classes() {
		t := &f.Tables[class.Table]
		t.Calls += calls[k]
		t.Types++
		if e.Graph.ClassSuspends(int32(k)) {
			t.Suspend++
		}
	}
}
