package diff

import (
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file reads what stands behind a site of a rewritten text.

// maxNumber bounds the numbers of sites that a text may speak of.
const maxNumber = 1 << 20

// number returns the number of the site whose call is an instruction; 0 if frames have none.
func (t *textFunc) number(call int) int {
	b := t.m.Funcs[t.id].Body()
	if call+1 == len(b.Instrs) {
		return 0
	}
	if in := b.Instrs[call+1]; in.Op == op.I32Const && t.inserted(in) {
		return min(int(uint32(in.Imm)), maxNumber)
	}
	return 0
}

// leavesWhole reports whether what stands behind a call leads to where the whole frame is
// spilled.
func (t *textFunc) leavesWhole(call int) bool {
	b := t.m.Funcs[t.id].Body()
	for _, in := range b.Instrs[call+1 : min(call+4, len(b.Instrs))] {
		if (in.Op == op.Br || in.Op == op.BrIf) && t.inserted(in) && wat.Label(in.Imm) != wat.BodyLabel {
			return b.LabelName(wat.Label(in.Imm).Opener()) == waysOut[1]
		}
	}
	return false
}

// unwinds reports whether a branch leads to where the frame is spilled.
func (t *textFunc) unwinds(in wat.Instr) bool {
	return wat.Label(in.Imm) != wat.BodyLabel && slices.Contains(waysOut, t.m.Funcs[t.id].Body().LabelName(wat.Label(in.Imm).Opener()))
}
