package rewrite

import (
	"slices"
	"sort"

	"github.com/watfiber/watfiber/wat"
)

// slotTypes are the types that a temporary can have, in the order in which slots
// lie in a frame; the references cannot lie there.
var slotTypes = [...]wat.ValType{wat.I32, wat.I64, wat.F32, wat.F64, wat.V128, wat.FuncRef, wat.ExternRef}

// A frame says what a function spills.
type frame struct {
	numbered bool     // the site number comes first; a function with one site has none
	slots    []slotID // by type, then in the order of their declaration; the rare ones last, likewise
	rare     int      // how many slots only few sites need; the others spill a frame without
	chunks   []chunk  // what one routine spills and reloads, in the order of the frame
	pinned   bool     // it lies in another order than without a pin: see setOrder
	kept     bool     // what earlier frames have as well lies where it does there
	inline   bool     // the function spills and reloads it by itself; then there is one chunk, or two
	size     int      // bytes
}

// A chunk is as much of a frame as one routine takes.
type chunk struct {
	numbered  bool // the site number comes first
	rare      bool // of the slots that few sites need
	slots     []slotID
	signature string // a letter for each value, such as iil
}

// chunkSize is how many values a routine takes. Larger routines are shared less.
const chunkSize = 8

// layOut decides what the frame holds: what any of the sites needs. It requires
// targets and liveness.
func (f *function) layOut() error {
	used := newBitset(f.numLocals + len(f.temps))
	used.union(f.neededBehind())
	for _, r := range f.requiredBy {
		used.add(int(r.slot))
	}
	f.frame.numbered = len(f.sites) > 1 || f.pin.numbered()
	if f.frame.numbered {
		f.frame.size = 4
	}
	if f.asserts != nil {
		f.frame.size += sealSize
	}
	byType := [len(slotTypes)][]slotID{}
	for i := range used.each {
		s := slotID(i)
		t := f.slotType(s)
		if t.IsRef() {
			return f.unsupported(f.sites[f.firstNeed(s)].instr, "keep it in a table, and its index in the local",
				"%s, a reference of type %s, is needed when the function suspends here, and memory cannot hold it", f.ref(s), t)
		}
		kind := slices.Index(slotTypes[:], t)
		byType[kind] = append(byType[kind], s)
		f.frame.size += t.Size()
	}
	f.frame.slots = slices.Concat(byType[:]...)
	f.frame.rare = 0
	f.setRareAside()
	f.cutChunks(chunkSize)
	return nil
}

// neededBehind returns the locals that are read behind some site, and that the code
// between the landing and the site does not set again when rewinding.
func (f *function) neededBehind() bitset {
	sets := make([][]slotID, len(f.sites))
	found := false
	for l := range f.levels {
		for _, t := range l.targets {
			if t.inner == nil && len(t.sets) > 0 {
				sets[t.lo], found = t.sets, true
			}
		}
	}
	if !found {
		return f.live
	}
	needed := newBitset(f.numLocals)
	var rest bitset
	f.findLive(func(k, first int, live bitset) {
		rest = append(rest[:0], live...)
		for _, s := range sets[k] {
			if i := int(s) - first; i >= 0 && i < 64*len(rest) {
				rest[i/64] &^= 1 << (i % 64)
			}
		}
		needed[first/64:].union(rest)
	})
	return needed
}

// firstNeed returns the first site that needs a slot.
func (f *function) firstNeed(s slotID) (site int) {
	site = len(f.sites)
	for _, r := range f.requiredBy {
		if r.slot == s {
			site = min(site, r.lo)
		}
	}
	f.findLive(func(k, first int, live bitset) {
		if i := int(s) - first; i >= 0 && i < 64*len(live) && live.has(i) {
			site = min(site, k)
		}
	})
	return site
}

// bytesOf is how many bytes slots take.
func (f *function) bytesOf(slots []slotID) (bytes int) {
	for _, s := range slots {
		bytes += 4 * f.words(s)
	}
	return bytes
}

// rareSlots are those that only few sites need.
func (f *function) rareSlots() []slotID { return f.frame.slots[len(f.frame.slots)-f.frame.rare:] }

// cutChunks divides the frame among routines that take so many values at most.
func (f *function) cutChunks(most int) {
	common := len(f.frame.slots) - f.frame.rare
	f.frame.chunks = f.appendChunks(nil, chunk{numbered: f.frame.numbered}, f.frame.slots[:common], most)
	f.frame.chunks = f.appendChunks(f.frame.chunks, chunk{rare: true}, f.frame.slots[common:], most)
}

// appendChunks appends chunks of so many values at most, the first of which begins as it
// is given.
func (f *function) appendChunks(chunks []chunk, c chunk, slots []slotID, most int) []chunk {
	for ; c.numbered || len(slots) > 0; c.numbered = false {
		room := most
		c.signature = ""
		if c.numbered {
			c.signature = "i"
			room--
		}
		n := min(room, len(slots))
		c.slots, slots = slots[:n], slots[n:]
		for _, s := range c.slots {
			c.signature += string(f.slotType(s).Letter())
		}
		chunks = append(chunks, c)
	}
	return chunks
}

// signatures returns the signatures for which there are routines, sorted.
func signatures(functions []*function) []string {
	seen := map[string]bool{}
	for _, f := range functions {
		for _, c := range f.frame.chunks {
			if !f.frame.inline {
				seen[c.signature] = true
			}
		}
	}
	all := make([]string, 0, len(seen))
	for s := range seen {
		all = append(all, s)
	}
	sort.Strings(all)
	return all
}
