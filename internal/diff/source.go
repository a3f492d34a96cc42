package diff

import (
	"cmp"
	"math"
	"slices"

	"github.com/watfiber/watfiber/internal/explain"
	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// FromSource returns what a rewrite does with a source.
func FromSource(e *rewrite.Explanation) *Side {
	facts := explain.Facts(e)
	s := newSide(e.Module, Source, math.MaxInt)
	s.Runtime = facts.Runtime + facts.HotBytes
	for _, f := range s.Funcs {
		fact := &facts.Funcs[f.Index]
		f.Before, f.After = fact.Before, fact.After
		in := e.Functions[wat.FuncID(f.Index)]
		if in == nil {
			continue
		}
		f.Code, f.Why = true, fact.Why
		for k, call := range in.Sites {
			site := s.site(e.Module, wat.FuncID(f.Index), int(call.Instr))
			site.Number = k
			site.Place = fact.Sites[k].Place
			f.Sites = append(f.Sites, site)
		}
		f.NumSites, f.Taken = len(f.Sites), len(f.Sites)
		f.Frame.Size, f.Frame.rare = fact.Frame, int(in.Frame.Rare)
		if in.Frame.SiteAt >= 0 {
			f.Frame.Slots = append(f.Frame.Slots, Slot{siteSlot, "i32", in.Frame.SiteAt})
		}
		for _, slot := range fact.Slots {
			f.Frame.Slots = append(f.Frame.Slots, Slot{slotName(slot.Name, f.params), slot.Type, int(slot.Offset)})
		}
		f.Frame.sort()
	}
	return s
}

func (f *Frame) sort() {
	slices.SortStableFunc(f.Slots, func(a, b Slot) int { return cmp.Compare(a.Offset, b.Offset) })
}
