package binary

import (
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// bodyReader reads instructions up to the end that closes the body. It can read one
// body after the other.
type bodyReader struct {
	reader
	body    *wat.Body
	openers []opener        // open blocks
	opened  int             // blocks, loops and ifs so far
	labels  []wat.LabelName // names still to come, by the number of the block, loop or if
	// noDataCount says that instructions must not name a data segment, since the
	// section with their number is missing.
	noDataCount bool
	namesData   bool // an instruction names a data segment
}

// opener is a block, loop or if that is open.
type opener struct {
	at  int // its instruction
	els bool
}

// read reads a body or constant expression, in place of what body holds, and its end.
func (b *bodyReader) read() {
	b.openers, b.opened = b.openers[:0], 0
	body := b.body
	body.Instrs, body.Ext, body.Labels = body.Instrs[:0], body.Ext[:0], nil
	body.Span.Start = b.pos
	for b.err == nil {
		b.plain()
		at := b.pos
		code := b.opcode()
		if code == op.End && len(b.openers) == 0 {
			body.Span.End = at
			return
		}
		in := wat.Instr{Op: code, Pos: uint32(at)}
		b.immediates(&in)
		body.Instrs = append(body.Instrs, in)
	}
	*body = wat.Body{}
}

// immediate is by opcode what plain reads behind it; BlockType, which it does not read,
// stands for all else.
var immediate = func() (imms [256]op.Imm) {
	for c := range imms {
		imms[c] = op.BlockType
		switch info := op.Code(c).Info(); {
		case info == nil, info.Code == op.Else, info.Code == op.End:
		case info.Imm == op.None, info.Imm == op.Local, info.Imm == op.Global, info.Imm == op.Func, info.Imm == op.I32, info.Imm == op.MemArg:
			imms[c] = info.Imm
		}
	}
	return imms
}()

// plain reads instructions as long as they are of the kinds that most are, with
// immediates of a byte each.
func (b *bodyReader) plain() {
	src, at, instrs := b.src[:b.end], b.pos, b.body.Instrs
read:
	for at+2 < len(src) {
		in := wat.Instr{Op: op.Code(src[at]), Pos: uint32(at)}
		first, second := src[at+1], src[at+2]
		switch immediate[src[at]] {
		case op.None:
			at++
		case op.Local, op.Global, op.Func:
			if first >= 0x80 {
				break read
			}
			in.Imm = uint64(first)
			at += 2
		case op.I32:
			if first >= 0x80 {
				break read
			}
			in.Imm = uint64(uint32(int8(first<<1) >> 1)) // bit 6 is the sign
			at += 2
		case op.MemArg:
			if first >= 32 || second >= 0x80 {
				break read
			}
			in.Imm = uint64(wat.NewMemArg(uint32(second), first, 0, 0))
			at += 3
		default:
			break read
		}
		instrs = append(instrs, in)
	}
	b.pos, b.body.Instrs = at, instrs
}

// opcode reads an opcode that the instruction table has.
func (b *bodyReader) opcode() op.Code {
	at := b.pos
	c := b.byte()
	code := op.Code(c)
	if c >= 0xFB && c <= 0xFE {
		n := b.u32()
		if code = op.Prefixed(c, n); b.err == nil && (n > 0xFFF || code.Info() == nil) {
			b.failLater(laterOpcode(c, n), at, "illegal opcode 0x%02x %d", c, n)
		}
	} else if code.Info() == nil && b.err == nil {
		b.failLater(laterOpcode(c, 0), at, "illegal opcode 0x%02x", c)
	}
	if b.err != nil {
		return op.Nop
	}
	return code
}

func (b *bodyReader) immediates(in *wat.Instr) {
	at := b.pos
	switch in.Op.Info().Imm {
	case op.None:
		b.structure(in.Op, int(in.Pos))
	case op.BlockType:
		in.Imm = uint64(b.blockType())
		b.open(len(b.body.Instrs))
	case op.Label:
		in.Imm = uint64(b.label())
	case op.LabelTable:
		in.Imm = b.labelTable()
	case op.Func, op.Local, op.Global, op.Table, op.Elem:
		in.Imm = uint64(b.u32())
	case op.Memory:
		in.Imm = uint64(b.zeroByte())
	case op.Data:
		in.Imm = uint64(b.data(at))
	case op.Indirect:
		typ := b.u32()
		in.Imm = wat.PairImm(typ, b.u32())
	case op.TableCopy:
		destination := b.u32()
		in.Imm = wat.PairImm(destination, b.u32())
	case op.MemoryCopy:
		destination := b.zeroByte()
		in.Imm = wat.PairImm(destination, b.zeroByte())
	case op.TableInit:
		segment := b.u32()
		in.Imm = wat.PairImm(segment, b.u32())
	case op.MemoryInit:
		segment := b.data(at)
		in.Imm = wat.PairImm(segment, b.zeroByte())
	case op.MemArg:
		in.Imm = uint64(b.memArg())
	case op.MemArgLane:
		arg := b.memArg()
		in.Imm = uint64(arg) | uint64(wat.NewMemArg(0, 0, b.byte(), 0))
	case op.Lane:
		in.Imm = uint64(b.byte())
	case op.I32:
		in.Imm = uint64(uint32(b.signed(32)))
	case op.I64:
		in.Imm = uint64(b.signed(64))
	case op.F32:
		in.Imm = b.fixed(4)
	case op.F64:
		in.Imm = b.fixed(8)
	case op.V128, op.Shuffle:
		in.Imm = uint64(len(b.body.Ext))
		lo := b.fixed(8)
		b.body.Ext = append(b.body.Ext, lo, b.fixed(8))
	case op.HeapType:
		in.Imm = uint64(b.refType())
	case op.Result:
		if in.Op == op.SelectT {
			in.Imm = b.types()
		}
	}
}

// open opens the block, loop or if that is instruction i.
func (b *bodyReader) open(i int) {
	b.openers = append(b.openers, opener{at: i})
	if len(b.labels) > 0 && int(b.labels[0].Opener) == b.opened {
		b.body.Labels = append(b.body.Labels, wat.LabelName{Opener: uint32(i), Name: b.labels[0].Name})
		b.labels = b.labels[1:]
	}
	b.opened++
}

// structure keeps track of else and end.
func (b *bodyReader) structure(code op.Code, at int) {
	switch code {
	case op.End:
		b.openers = b.openers[:len(b.openers)-1]
	case op.Else:
		n := len(b.openers)
		if n == 0 || b.openers[n-1].els || b.body.Instrs[b.openers[n-1].at].Op != op.If {
			b.fail(at, "END opcode expected: else without if")
			return
		}
		b.openers[n-1].els = true
	}
}

// fixed reads a little-endian number of n bytes.
func (b *bodyReader) fixed(n uint32) (v uint64) {
	for i, c := range []byte(b.bytes(n, "a constant")) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func (b *bodyReader) blockType() wat.BlockType {
	at := b.pos
	v := b.signed(33)
	switch {
	case v >= 0:
		return wat.BlockWith(wat.TypeID(v))
	case v == -0x40 && b.pos == at+1:
		return 0
	case b.pos == at+1:
		b.pos = at
		return wat.BlockOf(b.valType())
	}
	b.fail(at, "malformed block type")
	return 0
}

func (b *bodyReader) label() wat.Label {
	at := b.pos
	depth := b.u32()
	switch n := uint32(len(b.openers)); {
	case depth < n:
		return wat.LabelOf(b.openers[n-1-depth].at)
	case depth > n && b.err == nil:
		b.fail(at, "unknown label %d, %d blocks are open here", depth, n)
		b.err.Code = wat.ErrName
	}
	return wat.BodyLabel
}

func (b *bodyReader) labelTable() uint64 {
	at := len(b.body.Ext)
	n := b.count("labels") + 1
	b.body.Ext = append(b.body.Ext, uint64(n))
	for range n {
		b.body.Ext = append(b.body.Ext, uint64(b.label()))
	}
	return uint64(at)
}

func (b *bodyReader) types() uint64 {
	at := len(b.body.Ext)
	n := b.count("types")
	b.body.Ext = append(b.body.Ext, uint64(n))
	for range n {
		b.body.Ext = append(b.body.Ext, uint64(b.valType()))
	}
	return uint64(at)
}

// zeroByte reads a memory index, which is a zero byte as long as a module has
// one memory only.
func (b *bodyReader) zeroByte() uint32 {
	at := b.pos
	if c := b.byte(); c != 0 && b.err == nil {
		b.fail(at, "zero byte expected")
	}
	return 0
}

// data reads the index of a data segment.
func (b *bodyReader) data(at int) uint32 {
	if b.noDataCount {
		b.fail(at, "data count section required")
	}
	b.namesData = true
	return b.u32()
}

// memArg reads alignment and offset.
func (b *bodyReader) memArg() wat.MemArg {
	at := b.pos
	align := b.u32()
	if align >= 32 && b.err == nil {
		b.fail(at, "malformed memop flags 0x%x", align)
	}
	return wat.NewMemArg(b.u32(), uint8(align), 0, 0)
}
