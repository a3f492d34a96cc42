package rewrite

import (
	"fmt"
	"slices"
)

// This file lays out frames as an earlier output did.

// What lies in a pinned frame besides slots.
const (
	siteNumber slotID = 1<<32 - 1 - iota
	unusedWord        // four bytes that a slot had which is gone
)

// maxUnused is how many unused words a pinned frame has at most. One with more is laid out
// anew.
const maxUnused = 1024

// placeFrames is the pass inline: how frames are spilled and reloaded is chosen as it is
// without pins; then those that would lie in another way than before are pinned.
func (s *state) placeFrames() error {
	if err := s.chooseInline(); err != nil {
		return err
	}
	for _, f := range s.functions {
		if f.pin == nil || len(f.sites) == 0 {
			continue
		}
		f.sortPin()
		f.pinFrame()
		if note := f.pinNotes(); note != "" {
			s.result.Notes = append(s.result.Notes, note)
		}
	}
	return nil
}

// pinFrame puts each slot where it was. What is new takes the place of what is gone, if
// there is room, and else lies behind: in the last part of the frame, or if that is
// full in a part of its own, which comes first. Functions of which earlier frames have no
// number of the site, but now need one, get a new frame; so do those whose earlier frames
// have a part that few sites need, if anything in them differs.
func (f *function) pinFrame() {
	if f.frame.numbered != f.pin.numbered() {
		return
	}
	order, ok := f.earlierOrder()
	if !ok {
		return
	}
	if f.pin.Rare > 0 { // all or nothing
		f.frame.kept = slices.Equal(order, f.order()) && f.bytesOf(f.rareSlots()) == f.pin.Rare
		return
	}
	f.frame.kept = true
	for i, s := range f.frame.slots {
		if f.pin.Offsets[i] < 0 {
			order = f.putNew(order, s)
		}
	}
	if !slices.Equal(order, f.order()) {
		f.setOrder(order)
	}
}

// words is how many words of a frame something takes.
func (f *function) words(s slotID) int {
	if s == siteNumber || s == unusedWord {
		return 1
	}
	return f.slotType(s).Size() / 4
}

// earlierOrder returns what of the earlier frame is left, by address. False if that makes
// no frame.
func (f *function) earlierOrder() (order []slotID, ok bool) {
	p := f.pin
	size := p.Size
	if f.asserts != nil {
		size -= sealSize
	}
	at := map[int]slotID{} // by offset
	var offsets []int
	put := func(offset int, s slotID) {
		if offset >= 0 {
			at[offset] = s
			offsets = append(offsets, offset)
		}
	}
	put(p.SiteAt, siteNumber)
	for i, s := range f.frame.slots {
		put(p.Offsets[i], s)
	}
	slices.Sort(offsets)
	next, unused := 0, 0
	fill := func(to int) bool {
		unused += (to - next) / 4
		if to < next || (to-next)%4 != 0 || unused > maxUnused {
			return false
		}
		for ; next < to; next += 4 {
			order = append(order, unusedWord)
		}
		return true
	}
	for _, offset := range offsets {
		if !fill(offset) {
			return nil, false
		}
		order = append(order, at[offset])
		next += 4 * f.words(at[offset])
	}
	return order, fill(size)
}

// putNew puts a slot into a frame that earlier ones do not have.
func (f *function) putNew(order []slotID, s slotID) []slotID {
	need := f.words(s)
	for i := 0; i+need <= len(order); i++ {
		if !slices.ContainsFunc(order[i:i+need], func(o slotID) bool { return o != unusedWord }) {
			return slices.Replace(order, i, i+need, s)
		}
	}
	if f.frame.inline && slices.Index(order, siteNumber) <= 0 || len(lastPart(order)) < chunkSize {
		return append(order, s)
	}
	return slices.Insert(order, 0, s)
}

// lastPart returns the part of a frame with the highest addresses: from the number of the
// site on, since that lies below all else on the operand stack when a frame is spilled.
func lastPart(order []slotID) []slotID {
	if i := slices.Index(order, siteNumber); i >= 0 {
		return order[i:]
	}
	return order[max(0, len(order)-chunkSize):]
}

// order returns what lies in the frame, by address.
func (f *function) order() []slotID {
	var order []slotID
	for _, c := range slices.Backward(f.frame.chunks) {
		if c.numbered {
			order = append(order, siteNumber)
		}
		order = append(order, c.slots...)
	}
	return order
}

// maxPart is how many values a routine takes at most, if a function can spill them by
// itself.
const maxPart = 2 * chunkSize

// setOrder lays the frame out in another order.
func (f *function) setOrder(order []slotID) {
	r := &f.frame
	words := 0
	for _, s := range order {
		words += f.words(s)
	}
	r.size = 4 * words
	if f.asserts != nil {
		r.size += sealSize
	}
	last := lastPart(order)
	r.inline = f.asserts == nil && slices.Index(order, siteNumber) <= 0 && (r.inline || len(last) > maxPart)
	r.chunks, r.pinned = nil, true
	if r.inline {
		last = order
	}
	for rest := order; len(rest) > 0; {
		n := len(rest) - min(chunkSize, len(rest))
		if len(r.chunks) == 0 {
			n = len(rest) - len(last)
		}
		r.chunks = append(r.chunks, f.chunkOf(rest[n:]))
		rest = rest[:n]
	}
}

// chunkOf returns a part of a frame that has values in an order.
func (f *function) chunkOf(order []slotID) chunk {
	c := chunk{slots: order}
	if order[0] == siteNumber {
		c.numbered, c.signature, c.slots = true, "i", order[1:]
	}
	for _, s := range c.slots {
		letter := byte('i')
		if s != unusedWord {
			letter = f.slotType(s).Letter()
		}
		c.signature += string(letter)
	}
	return c
}

// frameWords says what lies in the frame, by address if it is pinned, else in the order of
// its slots, as many as are common.
func (f *function) frameWords(common int) []string {
	order := f.order()
	if !f.frame.pinned {
		order = f.frame.slots[:common]
		if f.frame.numbered {
			order = append([]slotID{siteNumber}, order...)
		}
	}
	var words []string
	unused := 0 // bytes in a row
	for i, s := range order {
		switch s {
		case siteNumber:
			words = append(words, "site")
		case unusedWord:
			if unused += 4; i+1 == len(order) || order[i+1] != unusedWord {
				words = append(words, fmt.Sprintf("%d bytes unused", unused))
				unused = 0
			}
		default:
			words = append(words, f.ref(s))
		}
	}
	return words
}
