package diff

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// content is what a function consists of. Indices of functions are kept apart: they
// change when a function is added before others.
type content struct {
	hash   uint64 // of all but indices into the module
	others uint64 // of the globals, tables and segments that it uses
	refs   []wat.FuncID
	instrs int
	// signature is the hash of its type.
	signature uint64
}

// A digest takes numbers and words.
type digest struct {
	sum interface {
		Write(p []byte) (int, error)
		Sum64() uint64
	}
}

func newDigest() digest { return digest{fnv.New64a()} }

func (d digest) number(n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	d.sum.Write(b[:])
}

func (d digest) text(s string) {
	d.sum.Write([]byte(s))
	d.sum.Write([]byte{0})
}

// contentOf returns what a function consists of.
func contentOf(m *wat.Module, id wat.FuncID) content {
	f, body := m.Funcs[id], m.Funcs[id].Body()
	all, others := newDigest(), newDigest()
	all.text(m.FuncTypeOf(id).String())
	for _, run := range f.Locals {
		all.number(uint64(run.Count))
		all.text(run.Type.String())
	}
	signature := newDigest()
	signature.text(m.FuncTypeOf(id).String())
	c := content{instrs: len(body.Instrs), signature: signature.sum.Sum64() | 1}
	for _, in := range body.Instrs {
		all.instr(m, body, in)
		switch in.Op.Info().Imm {
		case op.Func:
			c.refs = append(c.refs, wat.FuncID(in.Imm))
		case op.Global:
			if name := m.Globals[in.Imm].Name; name != "" && name != wat.DefaultGlobal(int(in.Imm)) {
				others.text(name)
				break
			}
			others.number(in.Imm)
		case op.Table, op.TableCopy, op.TableInit, op.Elem, op.Data, op.MemoryInit:
			others.number(in.Imm)
		}
	}
	c.hash, c.others = all.sum.Sum64(), others.sum.Sum64()
	return c
}

// instr takes an instruction without indices into the module.
func (d digest) instr(m *wat.Module, b *wat.Body, in wat.Instr) {
	d.number(uint64(in.Op))
	switch in.Op.Info().Imm {
	case op.BlockType:
		d.text(m.BlockTypeOf(wat.BlockType(in.Imm)).String())
	case op.Indirect:
		typ, table := in.Pair()
		d.text(m.Types[typ].FuncType.String())
		d.number(uint64(table))
	case op.LabelTable, op.Result:
		if in.Op == op.Select {
			break // without types
		}
		for _, w := range b.Words(in) {
			d.number(w)
		}
	case op.V128, op.Shuffle:
		lo, hi := b.Wide(in)
		d.number(lo)
		d.number(hi)
	case op.Label, op.Local, op.Memory, op.MemoryCopy, op.MemArg, op.MemArgLane, op.Lane, op.I32, op.I64, op.F32, op.F64, op.HeapType:
		d.number(in.Imm)
	}
}

// near is how many instructions around a call tell it from others.
const near = 6

// hashBefore returns the hash of what stands before an instruction.
func hashBefore(m *wat.Module, b *wat.Body, instr int) uint64 {
	return hashOf(m, b, b.Instrs[max(instr-near, 0):instr])
}

// hashBehind returns the hash of what stands behind an instruction.
func hashBehind(m *wat.Module, b *wat.Body, instr int) uint64 {
	return hashOf(m, b, b.Instrs[instr+1:min(instr+1+near, len(b.Instrs))])
}

// hashOf returns a hash that is not 0. Labels are left out: they are numbers of
// instructions.
func hashOf(m *wat.Module, b *wat.Body, instrs []wat.Instr) uint64 {
	d := newDigest()
	for _, in := range instrs {
		if k := in.Op.Info().Imm; k == op.Label || k == op.LabelTable {
			d.number(uint64(in.Op))
			continue
		}
		d.instr(m, b, in)
	}
	return d.sum.Sum64() | 1
}

// same reports whether two functions consist of the same; ids give the functions of
// both modules common numbers.
func same(a, b *content, idsA, idsB []int) bool {
	return a.hash == b.hash && a.others == b.others && slices.EqualFunc(a.refs, b.refs, func(x, y wat.FuncID) bool { return idsA[x] == idsB[y] })
}

func tableKey(table uint32) string { return "table " + strconv.FormatUint(uint64(table), 10) }
