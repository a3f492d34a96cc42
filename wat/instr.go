package wat

import (
	"slices"

	"github.com/watfiber/watfiber/wat/op"
)

// An Instr is one instruction of a Body, unfolded: operands stand before it, a
// block ends with an end instruction of its own. What its Imm holds depends on
// op.Info.Imm; the methods of Body read the wider ones.
//
//	Local, Global, Func, Table,     the index
//	Memory, Elem, Data, Lane
//	I32 I64 F32 F64                 the bits
//	BlockType                       a BlockType
//	Label                           a Label
//	LabelTable, Result              position in Ext of a count and that many words
//	V128, Shuffle                   position in Ext of two words
//	Indirect                        type | table<<32
//	TableCopy, MemoryCopy           destination | source<<32
//	TableInit, MemoryInit           segment | table or memory<<32
//	MemArg, MemArgLane              a MemArg
//	HeapType                        a ValType
type Instr struct {
	Imm uint64
	Pos uint32 // offset in the source: of the mnemonic, or of the opcode
	Op  op.Code
}

// A Label is the target of a branch: 0 is the body itself, n+1 the block, loop
// or if that is instruction n. It does not change when blocks are put around it.
type Label uint32

// BodyLabel is the label of the body itself: a branch to it returns.
const BodyLabel Label = 0

// LabelOf returns the label of the block, loop or if that is instruction n.
func LabelOf(n int) Label { return Label(n + 1) }

// Opener returns the instruction that opens the label, -1 for BodyLabel.
func (l Label) Opener() int { return int(l) - 1 }

// A Body is a sequence of instructions: of a function, or a constant expression.
// The end that closes the body itself is not an instruction of it.
type Body struct {
	Span   Span // in the source, without the parenthesis that ends a function
	Instrs []Instr
	Ext    []uint64    // immediates wider than an Imm
	Labels []LabelName // names of labels, by ascending opener
}

// A Packed is the body of a function in the bytes of a binary, which take a tenth of
// the memory of a Body.
type Packed interface {
	// Unpack returns the body. It overwrites into, and uses its memory, unless that
	// is nil.
	Unpack(into *Body) *Body
	// Pack returns the bytes of another body.
	Pack(*Body) Packed
}

// Body returns the instructions of a function; an import has none. Those of a binary
// are decoded from its bytes each time: hold on to what is returned, and do not keep
// the bodies of many functions.
func (f *Func) Body() *Body { return f.BodyIn(nil) }

// BodyIn is Body for one function after the other: it may overwrite scratch, and use
// its memory.
func (f *Func) BodyIn(scratch *Body) *Body {
	switch {
	case f.Packed != nil:
		return f.Packed.Unpack(scratch)
	case f.body != nil:
		return f.body
	}
	return &Body{}
}

// SetBody gives a function a copy of another body. It is packed if the one before was.
func (f *Func) SetBody(b *Body) {
	if f.Packed != nil {
		f.Packed = f.Packed.Pack(b)
		return
	}
	f.body = &Body{b.Span, slices.Clone(b.Instrs), slices.Clone(b.Ext), slices.Clone(b.Labels)}
}

// A LabelName is the name of the block, loop or if that is instruction Opener.
type LabelName struct {
	Opener uint32
	Name   string
}

// Words returns the label table or the result types of an instruction.
func (b *Body) Words(in Instr) []uint64 {
	n := b.Ext[in.Imm]
	return b.Ext[in.Imm+1 : in.Imm+1+n]
}

// Wide returns the two halves of a 128-bit immediate, low half first.
func (b *Body) Wide(in Instr) (lo, hi uint64) { return b.Ext[in.Imm], b.Ext[in.Imm+1] }

// Openers returns the blocks, loops and ifs of the body, in order.
func (b *Body) Openers() []int {
	var openers []int
	for i, in := range b.Instrs {
		if in.Op.Info().Imm == op.BlockType {
			openers = append(openers, i)
		}
	}
	return openers
}

// Places returns where in the source each instruction stands.
func (b *Body) Places() []uint32 {
	places := make([]uint32, len(b.Instrs))
	for i, in := range b.Instrs {
		places[i] = in.Pos
	}
	return places
}

// LabelName returns the name of the block, loop or if that is instruction
// opener, "" if it has none.
func (b *Body) LabelName(opener int) string {
	lo, hi := 0, len(b.Labels)
	for lo < hi {
		mid := (lo + hi) / 2
		if int(b.Labels[mid].Opener) < opener {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(b.Labels) && int(b.Labels[lo].Opener) == opener {
		return b.Labels[lo].Name
	}
	return ""
}

// Pair returns the two indices of an immediate of two.
func (in Instr) Pair() (low, high uint32) { return uint32(in.Imm), uint32(in.Imm >> 32) }

// PairImm returns the immediate that holds two indices.
func PairImm(low, high uint32) uint64 { return uint64(low) | uint64(high)<<32 }

// A MemArg is the address immediate of a load or store.
//
//	bits  0–31 offset   32–39 log2 of the alignment   40–47 lane   48–63 memory
type MemArg uint64

// NewMemArg returns the immediate with these parts; align is the log2.
func NewMemArg(offset uint32, align, lane uint8, memory uint16) MemArg {
	return MemArg(offset) | MemArg(align)<<32 | MemArg(lane)<<40 | MemArg(memory)<<48
}

// Offset returns the constant added to the address.
func (m MemArg) Offset() uint64 { return uint64(uint32(m)) }

// Align returns the log2 of the promised alignment.
func (m MemArg) Align() uint8 { return uint8(m >> 32) }

// Lane returns the lane of a lane load or store.
func (m MemArg) Lane() uint8 { return uint8(m >> 40) }

// Memory returns the memory.
func (m MemArg) Memory() MemoryID { return MemoryID(m >> 48) }

// internType replaces a provisional type index by its entry in ids.
func (in *Instr) internType(ids []TypeID) {
	switch in.Op.Info().Imm {
	case op.BlockType:
		if id, ok := BlockType(in.Imm).Index(); ok && id >= inlineType {
			in.Imm = uint64(BlockWith(ids[id-inlineType]))
		}
	case op.Indirect:
		if id, table := in.Pair(); id >= inlineType {
			in.Imm = PairImm(uint32(ids[id-inlineType]), table)
		}
	}
}
