package diff

import (
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/op"
)

// A Kind says what a side was made of, and so what is known of it.
type Kind string

// The kinds, by how much is known.
const (
	Source Kind = "source"                    // rewritten now: everything
	Text   Kind = "rewritten text"            // by its comments and markers
	Mapped Kind = "rewritten binary with map" // which functions get code, sites, frames; not why
	Named  Kind = "rewritten binary"          // which functions get code, and their bytes
	Bare   Kind = "binary without names"      // the bytes of its functions
)

// A Side is one of the two modules.
type Side struct {
	Name    string
	Kind    Kind
	Funcs   []*Func // of the program, with a body, in their order
	Runtime int     // bytes of the functions that the rewrite added
	Asserts bool    // it was rewritten with assertions

	imports []string // by FuncID: module.name of an import, "" of others
	byID    map[wat.FuncID]int
}

// A Func is a function of a side.
type Func struct {
	Index    int    // in the module
	Label    string // as messages name it
	Name     string // "" if it has none but its index
	Code     bool   // it is instrumented
	Why      string // it is; "" if that is not known
	Sites    []Site // none if some are not known
	NumSites int
	Taken    int // numbers below it are those of sites, or of sites that are gone
	Frame    Frame
	Before   int // bytes of its code in the source, -1 if not known
	After    int // bytes of its code in the output
	params   int
	named    bool // it has a name of its own, not only that of its export
	content  content
	locals   map[string]int // of a text: the locals in its frame by name
}

// A Site is a call that may suspend, of an instrumented function.
type Site struct {
	Number int    // as frames have it
	Calls  string // what it calls, as messages name it
	Place  string // file:line, "" if that is not known

	callee int    // place of the callee in Side.Funcs, -1 if it is none of them
	key    string // what else is called: an import, a table
	// Hashes of the code before and behind it, without names; 0 if there is none.
	before, behind uint64
	// operands are the slots that hold operands when the function is suspended here; nil if
	// that is not known.
	operands map[string]bool
	whole    bool // its frame has all slots
}

// A Frame is what an instrumented function spills.
type Frame struct {
	Size  int    // bytes
	Slots []Slot // by offset; the number of the site is one of them

	unread bool // only the size is known
	rare   int  // bytes at its lower end that frames of most sites do not have
}

// A Slot is a value in a frame.
type Slot struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Offset int    `json:"offset"` // -1 if not known
}

// siteSlot is the name of the slot with the number of the site.
const siteSlot = "site"

// slotName returns the name of a slot as text has it; a map has the name of the local
// without its $, or its number.
func slotName(name string, params int) string {
	if n, err := strconv.Atoi(name); err == nil {
		return wat.ID(wat.DefaultLocal(n, params))
	}
	if strings.HasPrefix(name, "$fiber.") {
		return name
	}
	return wat.ID(wat.NameOf(name))
}

// knowsSites reports whether sites and frames are known.
func (s *Side) knowsSites() bool { return s.Kind == Source || s.Kind == Text || s.Kind == Mapped }

// knowsWhy reports whether it is known why functions get code.
func (s *Side) knowsWhy() bool { return s.original() }

// knowsCode reports whether it is known which functions get code.
func (s *Side) knowsCode() bool { return s.Kind != Bare }

// knowsFrames reports whether all of its sites and slots are known.
func (f *Func) knowsFrames() bool { return f.NumSites == len(f.Sites) && f.Frame.known() }

// original reports whether bodies are those of the source.
func (s *Side) original() bool { return s.Kind == Source || s.Kind == Text }

// IsRewritten reports whether a module has been rewritten: here, or by whoever makes
// modules with the same exports.
func IsRewritten(m *wat.Module) bool {
	if !m.Source.Binary && wat.FindMarker(m.Source.Text) >= 0 {
		return true
	}
	return exported(m, getState) >= 0
}

const getState = "asyncify_get_state"

// exported returns the function that is exported under a name, -1 if there is none.
func exported(m *wat.Module, name string) int {
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc && e.Name == name {
			return int(e.Index)
		}
	}
	return -1
}

// newSide lists the functions of a module up to a number of functions with a body.
func newSide(m *wat.Module, kind Kind, most int) *Side {
	s := &Side{Name: m.Source.Name, Kind: kind, imports: make([]string, len(m.Funcs)), byID: map[wat.FuncID]int{}}
	labels, names := m.FuncLabels(), m.Names().Funcs // a binary may have several functions of one name
	for id, f := range m.Funcs {
		if f.Import != nil {
			s.imports[id] = wat.OneLine(f.Import.Module + "." + f.Import.Name)
			continue
		}
		if len(s.Funcs) == most {
			break
		}
		if f.Name != "" {
			labels[id] = wat.ID(names[id])
		}
		s.byID[wat.FuncID(id)] = len(s.Funcs)
		fn := &Func{Index: id, Label: labels[id], Before: -1, params: len(m.FuncTypeOf(wat.FuncID(id)).Params), content: contentOf(m, wat.FuncID(id))}
		if strings.HasPrefix(fn.Label, "$") && !isDefault(f.Name, id, kind) {
			fn.Name, fn.named = fn.Label, f.Name != ""
		}
		s.Funcs = append(s.Funcs, fn)
	}
	return s
}

// isDefault reports whether a name is one that a function without one gets by its number.
// A rewrite may have taken imports out since.
func isDefault(name string, id int, kind Kind) bool {
	if len(name) < 2 || name[0] != 'f' {
		return false
	}
	n, err := strconv.Atoi(name[1:])
	return err == nil && (n == id || n > id && kind != Source && kind != Text)
}

// site describes the call that is an instruction of a function.
func (s *Side) site(m *wat.Module, f wat.FuncID, instr int) Site {
	b := m.Funcs[f].Body()
	site := Site{callee: -1, before: hashBefore(m, b, instr), behind: hashBehind(m, b, instr)}
	switch in := b.Instrs[instr]; {
	case in.Op == op.CallIndirect:
		typ, table := in.Pair()
		site.key = tableKey(table)
		site.Calls = site.key + ", type " + typeText(m.Types[typ].FuncType)
	case s.imports[in.Imm] != "":
		site.key = s.imports[in.Imm]
		site.Calls = site.key
	default:
		site.callee = s.byID[wat.FuncID(in.Imm)]
		site.Calls = s.Funcs[site.callee].Label
	}
	return site
}

func typeText(t wat.FuncType) string {
	if s := t.String(); s != "" {
		return s
	}
	return "without parameters and results"
}

// sizes returns the bytes of the code of each function with a body.
func sizes(m *wat.Module) []int { return binary.CodeSizes(binary.Encode(m)) }
