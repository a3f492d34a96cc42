package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
)

// Pins returns what an earlier output fixes of the functions of a source, which e explains,
// and what a user is to know about it. Functions are the same if they have the same name, or
// consist of the same; those without names if their order and types agree.
func Pins(old *Side, e *rewrite.Explanation) (pins map[wat.FuncID]*rewrite.Pin, notes []string, err error) {
	if !old.knowsSites() {
		return nil, nil, fmt.Errorf("%s: it does not say where its call sites are and what its frames hold: pin to the rewritten text, or to a binary that was built with --frames", old.Name)
	}
	n := &pinner{old: old, new: FromSource(e), e: e}
	n.p = pair(n.old, n.new)
	unnamed := false
	pins = map[wat.FuncID]*rewrite.Pin{}
	had, found := 0, 0
	for i, f := range old.Funcs {
		if !f.Code {
			continue
		}
		had++
		if !f.knowsFrames() {
			return nil, nil, fmt.Errorf("%s: function %s: inserted lines are missing or changed, so its call sites and its frame are not known", old.Name, f.Label)
		}
		if err := f.checkFrame(old.Asserts); err != nil {
			return nil, nil, fmt.Errorf("%s: function %s: %w", old.Name, f.Label, err)
		}
		j := n.p.toNew[i]
		if j >= 0 && !n.sure(i, j) {
			if f.Name != "" || n.new.Funcs[j].Name != "" {
				j = -1
			} else {
				unnamed = true
			}
		}
		switch {
		case j < 0:
			n.note(f.Label, "it is gone, and earlier frames of it with it")
		case !n.new.Funcs[j].Code:
			found++
			n.note(f.Label, "it gets no code any more, and earlier frames of it cannot be rewound")
		default:
			found++
			pins[wat.FuncID(n.new.Funcs[j].Index)] = n.pin(f, n.new.Funcs[j])
		}
	}
	if had > 0 && found == 0 {
		return nil, nil, fmt.Errorf("%s: none of its %d functions with code is one of %s: is it an output of another program, or of one whose names were taken out?", old.Name, had, n.new.Name)
	}
	if unnamed {
		n.notes = append(n.notes, "functions without names are pinned if their order and types agree")
	}
	return pins, n.notes, nil
}

// A pinner finds out what an earlier output fixes.
type pinner struct {
	old, new *Side
	e        *rewrite.Explanation
	p        *pairing
	notes    []string
}

func (n *pinner) note(label, text string) { n.notes = append(n.notes, label+": "+text) }

// sure reports whether functions that are paired are paired by more than their order.
func (n *pinner) sure(i, j int) bool {
	old, new := n.old.Funcs[i], n.new.Funcs[j]
	return old.Name != "" && old.Name == new.Name || n.old.original() && old.content.hash == new.content.hash
}

// maxGone is how many numbers of a function may be those of sites that are gone.
const maxGone = 4096

// checkFrame checks that slots lie in the frame, and not in each other, and that sites have
// numbers of their own.
func (f *Func) checkFrame(asserts bool) error {
	size := f.Frame.Size
	if asserts {
		size -= 4
	}
	end := 0
	for _, s := range f.Frame.Slots {
		if s.Offset < end || s.Offset%4 != 0 {
			return fmt.Errorf("its slot %s lies at offset %d, in another one", s.Name, s.Offset)
		}
		end = s.Offset + typeSizes[s.Type]
	}
	if end > size || size%4 != 0 {
		return fmt.Errorf("its frame of %d bytes is too small for its slots", f.Frame.Size)
	}
	numbers := map[int]bool{}
	for _, s := range f.Sites {
		if numbers[s.Number] || s.Number >= maxNumber {
			return fmt.Errorf("several of its call sites have the number %d", s.Number)
		}
		numbers[s.Number] = true
	}
	if f.Taken-len(f.Sites) > maxGone {
		return fmt.Errorf("more than %d of its call sites are gone: start anew, without --pin", maxGone)
	}
	if f.siteAt() < 0 && len(f.Sites) != 1 {
		return fmt.Errorf("its frame has no number of the call site, and it has %d sites", len(f.Sites))
	}
	return nil
}

var typeSizes = map[string]int{"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}

// siteAt returns where the number of the site lies in the frame, -1 if it does not.
func (f *Func) siteAt() int {
	for _, s := range f.Frame.Slots {
		if s.Name == siteSlot {
			return s.Offset
		}
	}
	return -1
}

// pin returns what a function of the earlier output fixes of the same one now.
func (n *pinner) pin(old, new *Func) *rewrite.Pin {
	pin := &rewrite.Pin{First: old.Taken, Size: old.Frame.Size, Rare: old.Frame.rare, SiteAt: old.siteAt(), Numbers: fill(len(new.Sites)), Parked: make([][]bool, len(new.Sites)), Whole: make([]bool, len(new.Sites))}
	slots := n.e.Slots(wat.FuncID(new.Index))
	names := n.slots(pin, old, new, slots)
	partner := n.sites(old, new)
	for i, k := range partner {
		if k < 0 {
			pin.Gone = append(pin.Gone, old.Sites[i].Number)
			continue
		}
		pin.Numbers[k], pin.Whole[k] = old.Sites[i].Number, old.Sites[i].whole
		if operands := old.Sites[i].operands; operands != nil {
			pin.Parked[k] = make([]bool, len(slots))
			left := len(operands)
			for at, name := range names {
				if operands[name] {
					pin.Parked[k][at] = true
					left--
				}
			}
			if left > 0 { // others than now
				clear(pin.Parked[k])
			}
		}
	}
	pin.Changed = !n.old.original() || old.content.hash != new.content.hash
	slices.Sort(pin.Gone)
	if pin.SiteAt < 0 && len(pin.Gone) > 0 {
		pin.First = 0 // frames do not say which site it was
	}
	next := pin.First
	for k := range pin.Numbers {
		if pin.Numbers[k] < 0 {
			pin.Numbers[k] = next
			next++
		}
	}
	return pin
}

// sites pairs the sites of a function, and says where only their order tells calls of the
// same callee apart.
func (n *pinner) sites(old, new *Func) []int {
	a, b := n.p.siteKeys(n.old, old.Sites), n.p.siteKeys(n.new, new.Sites)
	sure := align(len(old.Sites), len(new.Sites), siteRounds-1, a, b)
	all := align(len(old.Sites), len(new.Sites), siteRounds, a, b)
	if old.Sites == nil || old.Sites[0].before == 0 {
		sure = fill(len(old.Sites)) // a map knows no code: all are paired by order
	}
	count, taken := map[uint64]int{}, make([]bool, len(new.Sites)) // by callee: those of the old, less those of the new
	for i, k := range sure {
		if k >= 0 {
			taken[k] = true
		} else {
			count[a(siteRounds-1, i)]++
		}
	}
	for k, t := range taken {
		if !t {
			count[b(siteRounds-1, k)]--
		}
	}
	var numbers []string
	for i, k := range all {
		if k >= 0 && sure[i] != k && count[a(siteRounds-1, i)] != 0 {
			numbers = append(numbers, fmt.Sprint(old.Sites[i].Number))
		}
	}
	if len(numbers) > 0 {
		n.note(new.Label, "calls of the same function came or went, and only their order says which ones are left: earlier frames may come to another call at sites "+strings.Join(numbers, " "))
	}
	return all
}

// slots fills in where the slots were, and returns their names as sides have them.
func (n *pinner) slots(pin *rewrite.Pin, old, new *Func, slots []rewrite.PinSlot) []string {
	byName := map[string][]Slot{}
	for _, s := range old.Frame.Slots {
		byName[s.Name] = append(byName[s.Name], s)
	}
	names := make([]string, len(slots))
	pin.Offsets = fill(len(slots))
	for i, s := range slots {
		names[i] = slotName(s.Name, new.params)
		if was := byName[names[i]]; len(was) > 0 && was[0].Type == typeNames[s.Type] {
			pin.Offsets[i], byName[names[i]] = was[0].Offset, was[1:]
		}
	}
	if !n.old.original() || old.content.hash != new.content.hash {
		return names
	}
	byLocal := map[int]string{} // nothing has changed but names
	for name, local := range old.locals {
		byLocal[local] = name
	}
	for i, s := range slots {
		if was := byName[byLocal[s.Local]]; pin.Offsets[i] < 0 && s.Local >= 0 && len(was) > 0 {
			pin.Offsets[i] = was[0].Offset
		}
	}
	return names
}
