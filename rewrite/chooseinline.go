package rewrite

import "slices"

// This file chooses which frames are spilled and reloaded by routines, and which by the
// functions themselves.

// margin is how many bytes less than by default is worth it, since all numbers are estimates.
const margin = 50

// chooseInline is most of the pass inline: frames with values of several types that are spilled
// and reloaded by the functions themselves, since routines would take more bytes. Optimized
// for size it is any frame, and routines take as many values as that is smallest with. With
// assertions all frames go by routines, which look whose they are.
func (s *state) chooseInline() error {
	if s.opts.Asserts {
		return nil
	}
	s.moveInline(false)
	if s.opts.Optimize != ForSize {
		return nil
	}
	byDefault := s.frameBytes()
	most := s.chooseChunks()
	divided := s.frameBytes()
	s.moveInline(true)
	if s.frameBytes() > divided {
		s.cutAll(most)
	}
	if s.frameBytes() > byDefault-margin {
		s.cutAll(chunkSize)
		s.moveInline(false)
	}
	return nil
}

// moveInline makes frames inline, whatever their types if all is set. Each that goes
// leaves the routines to fewer others, so they are looked at again, but not for ever.
func (s *state) moveInline(all bool) {
	const rounds = 8
	changed := true
	for round := 0; round < rounds && changed; round++ {
		uses := map[string]int{}
		for _, f := range s.functions {
			for _, c := range f.frame.chunks {
				if !f.frame.inline {
					uses[c.signature]++
				}
			}
		}
		changed = false
		for _, f := range s.functions {
			if (all || f.mixed()) && f.hasFrame() && !f.frame.inline && inlineBytes(f.frame) < sharedBytes(f.frame, uses) {
				f.frame.inline, changed = true, true
				f.cutChunks(len(f.frame.slots) + 1)
			}
		}
	}
}

// mixed reports whether the slots have several types.
func (f *function) mixed() bool {
	slots := f.frame.slots
	return slices.ContainsFunc(slots, func(s slotID) bool { return f.slotType(s) != f.slotType(slots[0]) })
}

// chooseChunks divides the frames so that routines and calls of them are smallest, and
// returns how many values a routine then takes at most. That one serves many functions is
// worth more in a small module.
func (s *state) chooseChunks() (best int) {
	fewest := 0
	for most := 1; most <= 2*chunkSize; most++ {
		s.cutAll(most)
		if bytes := s.frameBytes(); best == 0 || bytes < fewest {
			best, fewest = most, bytes
		}
	}
	s.cutAll(best)
	return best
}

// cutAll divides all frames, and leaves none inline.
func (s *state) cutAll(most int) {
	for _, f := range s.functions {
		f.frame.inline = false
		f.cutChunks(most)
	}
}

// frameBytes is about how much code spills and reloads the frames of all functions.
func (s *state) frameBytes() (bytes int) {
	anyInline := false
	for _, f := range s.functions {
		if f.frame.inline {
			anyInline = true
			bytes += inlineBytes(f.frame)
		} else {
			bytes += 6*len(f.frame.chunks) + 4*len(f.frame.slots)
		}
	}
	if anyInline {
		bytes += 140 // the routines that make room and take frames back
	}
	for _, signature := range signatures(s.functions) {
		bytes += routineBytes(signature)
	}
	return bytes
}

// routineBytes is about how large the two routines of a signature are.
func routineBytes(signature string) int { return 85 + 16*len(signature) }

// inlineBytes is about how much code it takes to spill and reload a frame by itself: 7
// bytes for each store and load.
func inlineBytes(r frame) int { return 17 + 14*len(r.slots) }

// sharedBytes is about how much code it takes with routines, and the share of the frame
// in these.
func sharedBytes(r frame, uses map[string]int) int {
	bytes := 0
	for _, c := range r.chunks {
		bytes += 6 + 4*len(c.slots) + routineBytes(c.signature)/uses[c.signature]
	}
	return bytes
}
