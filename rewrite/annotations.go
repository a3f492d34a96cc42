package rewrite

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/watfiber/watfiber/rewrite/callgraph"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A text says itself what suspends, with annotations:
//
//	(import "env" "read" (func $read (@fiber.suspends) (param i32)))
//	(func $log (@fiber.never) …)
//	  call (@fiber.never) $write
//	  (call_indirect (@fiber.suspends) (type $handler) …)
//
// In the header of a function they are about the function, behind the name of a call,
// in its line, about that call.
const (
	annotationPrefix = "fiber."
	annotSuspends    = "fiber.suspends"
	annotNever       = "fiber.never"
)

// said is what annotations say.
type said struct {
	suspends, never []bool // by function; nil if none says so
	calls           map[callgraph.Place]callgraph.Mark
	suspending      []saidSuspends // in the order of the text
	names           names
}

// A saidSuspends is an annotation that says that something suspends.
type saidSuspends struct {
	wat.Annotation
	about callgraph.Place // Instr is -1 if it is about the function
}

// any reports whether an annotation says that something suspends.
func (s *said) any() bool {
	return len(s.suspending) > 0
}

// readAnnotations reads the annotations of a text.
func readAnnotations(m *wat.Module) (*said, error) {
	s := &said{}
	for _, a := range m.Annotations {
		if !strings.HasPrefix(a.Name, annotationPrefix) {
			continue
		}
		mark := callgraph.Never
		switch a.Name {
		case annotSuspends:
			mark = callgraph.Suspends
		case annotNever:
		default:
			return nil, annotationError(m, a, "there is no annotation (@%s)", "they are (@fiber.suspends) and (@fiber.never)", a.Name)
		}
		if err := s.add(m, a, mark); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func annotationError(m *wat.Module, a wat.Annotation, format, hint string, args ...any) error {
	return &wat.Error{Source: m.Source, Span: a.Span, Code: ErrList, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// add finds out what an annotation is about.
func (s *said) add(m *wat.Module, a wat.Annotation, mark callgraph.Mark) error {
	id, ok := functionAt(m, a.Span.Start)
	if !ok {
		return annotationError(m, a, "(@%s) is about functions and calls", "it stands in the header of a function or behind the name of a call", a.Name)
	}
	f := m.Funcs[id]
	instr := s.names.before(m, id, a.Span.Start)
	place := callgraph.Place{Func: id, Instr: int32(instr)}
	if mark == callgraph.Suspends {
		s.suspending = append(s.suspending, saidSuspends{a, place})
	}
	if instr < 0 {
		return s.function(m, a, id, mark)
	}
	in := f.Body().Instrs[instr]
	if in.Op != op.Call && in.Op != op.CallIndirect {
		return annotationError(m, a, "(@%s) stands behind %s, which is not a call", "write it behind the name of the call: call (@"+a.Name+") $f", a.Name, in.Op)
	}
	if strings.Contains(m.Source.Text[in.Pos:a.Span.Start], "\n") {
		return annotationError(m, a, "(@%s) is not in the line of its call", "write it behind the name of the call: call (@"+a.Name+") $f", a.Name)
	}
	if s.calls == nil {
		s.calls = map[callgraph.Place]callgraph.Mark{}
	}
	if old := s.calls[place]; old != callgraph.Unmarked && old != mark {
		return annotationError(m, a, "this call is said to suspend and never to", "")
	}
	s.calls[place] = mark
	return nil
}

// function notes what an annotation says of a function.
func (s *said) function(m *wat.Module, a wat.Annotation, id wat.FuncID, mark callgraph.Mark) error {
	if s.suspends == nil && mark == callgraph.Suspends {
		s.suspends = make([]bool, len(m.Funcs))
	}
	if s.never == nil && mark == callgraph.Never {
		s.never = make([]bool, len(m.Funcs))
	}
	if mark == callgraph.Suspends {
		s.suspends[id] = true
	} else {
		s.never[id] = true
	}
	if marks(s.suspends, int(id)) && marks(s.never, int(id)) {
		return annotationError(m, a, "this function is said to suspend and never to", "")
	}
	return nil
}

// functionAt returns the function whose field holds an offset.
func functionAt(m *wat.Module, at int) (wat.FuncID, bool) {
	k := sort.Search(len(m.Fields), func(k int) bool { return m.Fields[k].Span.End > at })
	if k == len(m.Fields) || m.Fields[k].Span.Start > at {
		return 0, false
	}
	f := m.Fields[k]
	if f.Kind != wat.KindFunc || f.Num != 1 || f.Keyword != "func" && f.Keyword != "import" {
		return 0, false
	}
	return wat.FuncID(f.First), true
}

// names are the places of the instructions of a function in the text, in its order,
// which is not that of the instructions if they are folded.
type names struct {
	f     wat.FuncID
	order []int32
}

// before returns the instruction of f whose name is the last before an offset, -1 if
// there is none.
func (n *names) before(m *wat.Module, f wat.FuncID, at int) int {
	instrs := m.Funcs[f].Body().Instrs
	if n.order == nil || n.f != f {
		n.f, n.order = f, make([]int32, len(instrs))
		for i := range instrs {
			n.order[i] = int32(i)
		}
		slices.SortFunc(n.order, func(a, b int32) int { return int(instrs[a].Pos) - int(instrs[b].Pos) })
	}
	k := sort.Search(len(n.order), func(k int) bool { return int(instrs[n.order[k]].Pos) >= at })
	if k == 0 {
		return -1
	}
	return int(n.order[k-1])
}

// functions returns a set without the imports in it.
func (s *said) functions(m *wat.Module, set []bool) []bool {
	if set == nil {
		return nil
	}
	defined := make([]bool, len(set))
	for id, in := range set {
		defined[id] = in && m.Funcs[id].Import == nil
	}
	return defined
}

// agree checks that lists do not contradict what the source says, nor the source itself:
// only a function that gets code has calls that suspend.
func (s *said) agree(m *wat.Module, named *marked, g *callGraph) error {
	for _, a := range s.suspending {
		id := int(a.about.Func)
		isCall, label := a.about.Instr >= 0, g.labels[id]
		switch {
		case isCall && marks(s.never, id):
			return annotationError(m, a.Annotation, "this call is said to suspend, but its function never to", "")
		case isCall && (g.tops[id] || g.bottoms[id]):
			return annotationError(m, a.Annotation, "this call is said to suspend, but %s calls functions of asyncify itself: it gets no code", "", label)
		case isCall && marks(named.remove, id):
			return annotationError(m, a.Annotation, "this call is said to suspend, but %s is in the list to remove", "", label)
		case marks(named.remove, id):
			return annotationError(m, a.Annotation, "%s is said to suspend, but it is in the list to remove", "", label)
		}
	}
	for id := range m.Funcs {
		if marks(s.never, id) && (marks(named.add, id) || marks(named.only, id)) {
			return &wat.Error{Code: ErrList, Msg: g.labels[id] + " is in a list of functions that suspend, but its (@fiber.never) says that it does not"}
		}
	}
	if named.only != nil && (s.any() || s.never != nil || len(s.calls) > 0) {
		return &wat.Error{Code: ErrList, Msg: "a list of the only functions that suspend excludes the annotations of the source"}
	}
	return nil
}

// union returns the functions in either set.
func union(a, b []bool) []bool {
	if a == nil || b == nil {
		return append(a, b...)
	}
	both := make([]bool, len(a))
	for i := range both {
		both[i] = a[i] || b[i]
	}
	return both
}
