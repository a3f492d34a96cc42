package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/watfiber/watfiber/fiberlib"
	"github.com/watfiber/watfiber/wat"
)

// This file keeps what an earlier output has fixed: the numbers of call sites, and where
// the values of a frame lie.

// A Pin says what an earlier output has fixed of a function.
type Pin struct {
	// Numbers are those of the sites, in the order of the text. A site that the earlier
	// output has, too, has its number there; the others have numbers from First on.
	Numbers []int
	First   int   // numbers below it are taken, by sites of the earlier output or before it
	Gone    []int // sites of the earlier output that are gone

	Size    int // of its frames, in bytes
	Rare    int // bytes at its lower end that frames of most sites do not have
	SiteAt  int // where in them the number of the site lies, -1 if it does not
	Offsets []int
	// Offsets says by slot, in the order of Explanation.Slots, where in an earlier frame the
	// value lies, -1 if it does not.

	// Parked says by site and slot whether an earlier frame has an operand there when it
	// was suspended at that site; nil where that is not known. Changed says that the code
	// has, so that it may be another.
	Parked  [][]bool
	Changed bool
	Whole   []bool // by site: earlier frames have the rare bytes there
}

// numbered reports whether earlier frames have the number of the site.
func (p *Pin) numbered() bool { return p != nil && p.SiteAt >= 0 }

// taken returns the number from which on none belongs to a site.
func (p *Pin) taken() int {
	taken := p.First
	for _, n := range p.Numbers {
		taken = max(taken, n+1)
	}
	return taken
}

// inOrder reports whether the sites have the numbers that they have without a pin.
func (p *Pin) inOrder() bool {
	for k, n := range p.Numbers {
		if k != n {
			return false
		}
	}
	return p.First <= len(p.Numbers)
}

// takePin takes what is fixed of the function.
func (f *function) takePin(p *Pin) {
	f.pin = p
	f.renumbered = p != nil && !p.inOrder()
}

// checkPin checks that a pin is one of this function.
func (f *function) checkPin() error {
	if f.pin != nil && len(f.pin.Numbers) != len(f.sites) {
		return fmt.Errorf("%s has %d sites, and %d are pinned", f.graph.labels[f.id], len(f.sites), len(f.pin.Numbers))
	}
	return nil
}

// number returns the number of a site.
func (f *function) number(site int) int {
	if f.renumbered {
		return f.pin.Numbers[site]
	}
	return site
}

// numbers returns how many numbers there are, those of sites that are gone included.
func (f *function) numbers() int {
	if f.renumbered {
		return f.pin.taken()
	}
	return len(f.sites)
}

// byNumber returns the sites in the order of their numbers.
func (f *function) byNumber() []int {
	sites := make([]int, len(f.sites))
	for k := range sites {
		sites[k] = k
	}
	if f.renumbered {
		slices.SortFunc(sites, func(a, b int) int { return f.number(a) - f.number(b) })
	}
	return sites
}

// free returns the numbers below numbers that no site has.
func (f *function) free() []int {
	var free []int
	next := 0
	for _, k := range f.byNumber() {
		for ; next < f.number(k); next++ {
			free = append(free, next)
		}
		next++
	}
	for ; next < f.numbers(); next++ {
		free = append(free, next)
	}
	return free
}

// goneLine says which numbers belong to sites that are gone.
//
//	;;~ gone   site 1, sites 3 to 5
func (f *function) goneLine() string {
	free := f.free()
	if len(free) == 0 {
		return ""
	}
	return wrapHeader("gone", "", ranges(free), ", ")
}

// ranges lists numbers in ascending order, those that follow each other as one.
func ranges(numbers []int) []string {
	var words []string
	for i := 0; i < len(numbers); {
		from := i
		for i++; i < len(numbers) && numbers[i] == numbers[i-1]+1; i++ {
		}
		words = append(words, rangeText(numbers[from], numbers[i-1]))
	}
	return words
}

// rangeText names the sites from first to last.
func rangeText(first, last int) string {
	switch last - first {
	case 0:
		return fmt.Sprintf("site %d", first)
	case 1:
		return fmt.Sprintf("sites %d and %d", first, last)
	}
	return fmt.Sprintf("sites %d to %d", first, last)
}

// A PinSlot is what a frame holds.
type PinSlot struct {
	fiberlib.FrameSlot
	Local int // -1 for an operand
}

// Slots returns what the frame of a function holds, in the order in which pins list it:
// locals, then operands. It is nil if the function got no code.
func (e *Explanation) Slots(id wat.FuncID) []PinSlot {
	in := e.Functions[id]
	if in == nil {
		return nil
	}
	k, _ := slices.BinarySearchFunc(e.state.functions, id, func(g *function, id wat.FuncID) int { return int(g.id) - int(id) })
	f := e.state.functions[k]
	place := map[slotID]int{}
	for _, c := range slices.Backward(f.frame.chunks) {
		for _, s := range c.slots {
			place[s] = len(place)
		}
	}
	slots := make([]PinSlot, len(f.frame.slots))
	for i, s := range slices.Sorted(slices.Values(f.frame.slots)) {
		slots[i] = PinSlot{in.Frame.Slots[place[s]], int(s)}
		if int(s) >= f.numLocals {
			slots[i].Local = -1
		}
	}
	return slots
}

// sortPin brings what the pin lists by slot into the order of the frame.
func (f *function) sortPin() {
	rank := map[slotID]int{}
	for i, s := range slices.Sorted(slices.Values(f.frame.slots)) {
		rank[s] = i
	}
	pin := *f.pin
	pin.Offsets, pin.Parked = make([]int, len(rank)), make([][]bool, len(f.pin.Parked))
	for i, s := range f.frame.slots {
		pin.Offsets[i] = f.pin.Offsets[rank[s]]
	}
	for k, parked := range f.pin.Parked {
		if parked == nil {
			continue
		}
		pin.Parked[k] = make([]bool, len(rank))
		for i, s := range f.frame.slots {
			pin.Parked[k][i] = parked[rank[s]]
		}
	}
	f.pin = &pin
}

// pinNotes says which earlier frames of the function cannot be rewound, and why; "" if all
// can.
func (f *function) pinNotes() string {
	p := f.pin
	var words []string
	switch {
	case !p.numbered() && p.First == 0:
		words = append(words, "earlier frames cannot be rewound: their only site is gone")
	case f.frame.size != p.Size:
		words = append(words, fmt.Sprintf("earlier frames cannot be rewound: they have %d bytes, now %d", p.Size, f.frame.size)+f.newSlots())
	case !f.frame.kept:
		words = append(words, "earlier frames cannot be rewound: they are laid out anew"+f.newSlots())
	default:
		words = f.missing()
		if n := len(words) - maxNamed; n > 1 {
			words = append(words[:maxNamed], fmt.Sprintf("and so at %d more sites", n))
		}
	}
	if len(p.Gone) > 0 && f.renumbered {
		is := " is"
		if len(p.Gone) > 1 {
			is = " are"
		}
		words = append(words, strings.Join(ranges(p.Gone), ", ")+is+" gone: to rewind an earlier frame there traps")
	}
	if len(words) == 0 {
		return ""
	}
	return f.graph.labels[f.id] + ": " + strings.Join(words, "; ")
}

// newSlots names what earlier frames do not have.
func (f *function) newSlots() string {
	var words []string
	if f.frame.numbered && !f.pin.numbered() {
		words = append(words, "the site number")
	}
	for i, s := range f.frame.slots {
		if f.pin.Offsets[i] < 0 {
			words = append(words, f.ref(s))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return ", with " + some(words)
}

// maxNamed is how many slots a note names, or sites.
const maxNamed = 12

// some lists the first words, and says how many more there are.
func some(words []string) string {
	if n := len(words) - maxNamed; n > 1 {
		words = append(words[:maxNamed:maxNamed], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(words, " ")
}

// isRare reports whether the i-th slot is one that few sites need.
func (f *function) isRare(i int) bool { return i >= len(f.frame.slots)-f.frame.rare }

// missing says at which sites of the earlier output something is needed that its frames
// do not have.
func (f *function) missing() []string {
	place := make(map[slotID]int, len(f.frame.slots))
	for i, s := range f.frame.slots {
		place[s] = i
	}
	needs := make([][]bool, len(f.sites))
	for k := range needs {
		needs[k] = make([]bool, len(f.frame.slots))
	}
	f.eachNeed(func(k int, s slotID) {
		if i, ok := place[s]; ok {
			needs[k][i] = true
		}
	})
	var words []string
	for _, k := range f.byNumber() {
		if f.number(k) >= f.pin.First {
			continue
		}
		var slots, unknown []slotID
		for i, s := range f.frame.slots {
			needed, operand, parked := needs[k][i], int(s) >= f.numLocals, f.pin.Parked[k]
			switch {
			case needed && f.pin.Offsets[i] < 0, needed && f.isRare(i) && !f.pin.Whole[k], operand && parked != nil && needed != parked[i]:
				slots = append(slots, s)
			case needed && operand && parked == nil && f.pin.Changed:
				unknown = append(unknown, s)
			}
		}
		if len(slots) > 0 {
			words = append(words, fmt.Sprintf("earlier frames cannot be rewound at site %d, where they do not have what is now in %s", f.number(k), some(f.refWords(slots))))
		} else if len(unknown) > 0 {
			words = append(words, fmt.Sprintf("whether earlier frames can be rewound at site %d is not known, since --frames was not given to say which operands they have", f.number(k)))
		}
	}
	return words
}
