package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// FromBinary returns what is known of a binary that has been rewritten: what the map of
// its frames says, or else which functions look at the state.
func FromBinary(m *wat.Module) (*Side, error) {
	frames, err := readMap(m)
	if err != nil {
		return nil, err
	}
	s := newSide(m, Bare, firstOfRuntime(m))
	s.Asserts = hasSection(m, fiberlib.AssertSection)
	for _, f := range s.Funcs {
		if frames != nil {
			s.Kind = Mapped
		} else if f.Name != "" && m.Funcs[f.Index].Name != "" {
			s.Kind = Named
		}
	}
	for k, size := range sizes(m) {
		if k < len(s.Funcs) {
			s.Funcs[k].After = size
		} else {
			s.Runtime += size
		}
	}
	if s.Kind == Bare {
		return s, nil
	}
	state, known := stateGlobal(m)
	if !known {
		return nil, fmt.Errorf("%s: %s is no function that returns a global: who rewrote it?", m.Source.Name, getState)
	}
	code := s.named(m, frames)
	if code == nil {
		for _, f := range s.Funcs {
			if (frames == nil || len(code) < len(frames.Funcs)) && reads(m.Funcs[f.Index].Body(), state) {
				code = append(code, f)
			}
		}
	}
	for _, f := range code {
		f.Code = true
	}
	if frames != nil {
		if len(code) != len(frames.Funcs) {
			return nil, fmt.Errorf("%s: the map of the frames is of %d functions, the code has %d: another tool has changed it", m.Source.Name, len(frames.Funcs), len(code))
		}
		s.takeMap(m, frames, code)
	}
	return s, nil
}

// named returns the functions of a map by their names; nil if there is no map, or not all
// have one.
func (s *Side) named(m *wat.Module, frames *fiberlib.FrameMap) []*Func {
	if frames == nil {
		return nil
	}
	var code []*Func
	names := m.Names().Funcs
	for _, f := range s.Funcs {
		if len(code) < len(frames.Funcs) && wat.NameText(names[f.Index]) == frames.Funcs[len(code)].Name {
			code = append(code, f)
		}
	}
	if len(code) < len(frames.Funcs) {
		return nil
	}
	return code
}

// hasSection reports whether a module has a custom section of a name.
func hasSection(m *wat.Module, name string) bool {
	return slices.ContainsFunc(m.Customs, func(c *wat.Custom) bool { return c.Name == name })
}

// readMap returns the map of the frames, nil if there is none.
func readMap(m *wat.Module) (*fiberlib.FrameMap, error) {
	for _, c := range m.Customs {
		if c.Name == fiberlib.FrameSection {
			frames, err := fiberlib.DecodeFrames(c.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Source.Name, err)
			}
			return frames, nil
		}
	}
	return nil, nil
}

// firstOfRuntime returns how many functions with a body stand before those that a rewrite
// has added: routines for frames, what is exported, the fiber library. Without names
// the routines are not known as such.
func firstOfRuntime(m *wat.Module) int {
	first := len(m.Funcs)
	for _, e := range m.Exports {
		if e.Kind == wat.KindFunc && strings.HasPrefix(e.Name, "asyncify_") {
			first = min(first, int(e.Index))
		}
	}
	for first > 0 && isRoutine(m.Funcs[first-1]) {
		first--
	}
	n := 0
	for _, f := range m.Funcs[:first] {
		if f.Import == nil {
			n++
		}
	}
	return n
}

// isRoutine reports whether a function is one that stands before those that are exported:
// no program has functions with such names.
func isRoutine(f *wat.Func) bool { return f.Import == nil && strings.HasPrefix(f.Name, "fiber.") }

// stateGlobal returns the global that holds the state.
func stateGlobal(m *wat.Module) (wat.GlobalID, bool) {
	id := exported(m, getState)
	if id < 0 {
		return 0, false
	}
	b := m.Funcs[id].Body().Instrs
	if len(b) == 0 || b[0].Op != op.GlobalGet {
		return 0, false
	}
	return wat.GlobalID(b[0].Imm), true
}

func reads(b *wat.Body, g wat.GlobalID) bool {
	for _, in := range b.Instrs {
		if in.Op == op.GlobalGet && wat.GlobalID(in.Imm) == g {
			return true
		}
	}
	return false
}

// takeMap takes what the map says of the functions that get code, which it lists in
// their order.
func (s *Side) takeMap(m *wat.Module, frames *fiberlib.FrameMap, code []*Func) {
	place := make([]int, len(code)) // by function of the map: its place in s.Funcs
	for k, f := range code {
		place[k] = s.byID[wat.FuncID(f.Index)]
	}
	byName, names := map[string]int{}, m.Names().Funcs // as the map names them
	for i, f := range s.Funcs {
		byName[wat.NameText(names[f.Index])] = i
	}
	for k, f := range code {
		if name := frames.Funcs[k].Name; f.Name == "" && !isDefault(name, f.Index, s.Kind) { // it was taken out of the binary
			f.Name = wat.ID(wat.NameOf(name))
			f.Label = f.Name
		}
		f.takeFrame(&frames.Funcs[k])
		s.takeSites(f, &frames.Funcs[k], place, byName)
	}
}

// takeSites takes what the map says of the sites of a function.
func (s *Side) takeSites(f *Func, in *fiberlib.FrameFunc, place []int, byName map[string]int) {
	text := f.Sites // which says more of them
	f.Sites, f.Taken = nil, len(in.Sites)
	for n := range in.Sites {
		if in.Sites[n].Callee == 0 && in.Sites[n].Name == "" {
			continue // the number of a site that is gone
		}
		site := s.mapSite(&in.Sites[n], place, byName)
		site.Number, site.operands, site.whole = n, operands(in, n), isWhole(in, n)
		f.Sites = append(f.Sites, site)
	}
	f.NumSites = len(f.Sites)
	if len(text) == f.NumSites {
		for k := range text {
			text[k].operands = operands(in, min(text[k].Number, len(in.Sites)-1))
		}
		f.Sites = text
	}
}

// isWhole reports whether a site needs a slot of those that few sites need.
func isWhole(f *fiberlib.FrameFunc, site int) bool {
	for i, live := range f.Sites[site].Live {
		if live && f.Slots[i].Offset < f.Rare {
			return true
		}
	}
	return false
}

// operands returns the slots that hold operands when a function is suspended at a site.
func operands(f *fiberlib.FrameFunc, site int) map[string]bool {
	names := map[string]bool{}
	for i, live := range f.Sites[site].Live {
		if name := f.Slots[i].Name; live && strings.HasPrefix(name, "$fiber.") {
			names[name] = true
		}
	}
	return names
}

func (s *Side) mapSite(site *fiberlib.FrameSite, place []int, byName map[string]int) Site {
	out := Site{callee: -1}
	if site.File != "" {
		out.Place = fmt.Sprintf("%s:%d", site.File, site.Line)
	}
	if site.Callee > 0 {
		out.callee = place[site.Callee-1]
	} else if i, known := byName[site.Name]; known && site.Callee == 0 {
		out.callee = i
	}
	switch {
	case out.callee >= 0:
		out.Calls = s.Funcs[out.callee].Label
	case site.Callee < 0:
		out.key = tableKey(site.Table)
		out.Calls = out.key
	default:
		out.key = wat.OneLine(site.Name)
		out.Calls = out.key
	}
	return out
}

var typeNames = map[byte]string{'i': "i32", 'l': "i64", 'f': "f32", 'd': "f64", 'v': "v128"}

// takeFrame takes what the map says of a frame.
func (f *Func) takeFrame(in *fiberlib.FrameFunc) {
	f.Frame = Frame{Size: int(in.Size), rare: int(in.Rare)}
	if in.SiteAt >= 0 {
		f.Frame.Slots = append(f.Frame.Slots, Slot{siteSlot, "i32", in.SiteAt})
	}
	for _, s := range in.Slots {
		f.Frame.Slots = append(f.Frame.Slots, Slot{slotName(s.Name, f.params), typeNames[s.Type], int(s.Offset)})
	}
	f.Frame.sort()
}
