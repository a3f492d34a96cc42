package binary

import (
	"encoding/binary"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// This file writes function bodies and constant expressions.

// batch is how many functions are encoded before they are put together: enough for all
// processors, few enough not to have all of the code in memory twice.
const batch = 1024

func (e *encoder) code() {
	bodies := make([][]byte, batch)
	for rest := e.defined; len(rest) > 0; {
		ids := rest[:min(batch, len(rest))]
		rest = rest[len(ids):]
		parallel.Do(len(ids), func() func(int) {
			w := encoder{funcIndex: e.funcIndex}
			var scratch wat.Body
			return func(i int) {
				f := e.m.Funcs[ids[i]]
				if _, copied := e.copied(f); !copied {
					at := len(w.buf)
					w.body(f.BodyIn(&scratch))
					bodies[i] = w.buf[at:]
				}
			}
		})
		for i, id := range ids {
			f := e.m.Funcs[id]
			if body, copied := e.copied(f); copied {
				writeFunction(e, f, body)
			} else {
				writeFunction(e, f, bodies[i])
			}
		}
	}
}

// copied returns the bytes of a body that the encoder would write just so.
func (e *encoder) copied(f *wat.Func) (body string, ok bool) {
	if p, packed := f.Packed.(*packed); packed && p.shortest && e.funcIndex == nil {
		return p.code[p.start:], true
	}
	return "", false
}

// writeFunction appends a function with its size.
func writeFunction[T string | []byte](e *encoder, f *wat.Func, body T) {
	var buf [64]byte
	locals := appendU(buf[:0], len(f.Locals))
	for _, run := range f.Locals {
		locals = append(appendU(locals, run.Count), byte(run.Type))
	}
	e.u(len(locals) + len(body))
	e.buf = append(append(e.buf, locals...), body...)
}

// sizeOf returns about how many bytes a module takes, rather too many.
func sizeOf(m *wat.Module) int {
	size := 1<<12 + 16*(len(m.Types)+len(m.Exports)+len(m.Globals)) + len(m.Name)
	for _, f := range m.Funcs {
		size += 16 + len(f.Name) + 3*len(f.Locals)
		if p, ok := f.Packed.(*packed); ok {
			size += len(p.code) - p.start
		} else if f.Import == nil {
			size += 3 * len(f.Body().Instrs)
		}
		for _, l := range f.LocalNames {
			size += 3 + len(l.Name)
		}
	}
	for _, s := range m.Elems {
		size += 16 + 3*len(s.Funcs) + 6*len(s.Items)
	}
	for _, d := range m.Datas {
		size += 16 + len(d.Name) + len(d.Bytes)
	}
	for _, c := range m.Customs {
		size += 16 + len(c.Name) + len(c.Bytes)
	}
	return size
}

// body appends the instructions of a body and its end.
func (e *encoder) body(b *wat.Body) {
	if len(e.depth) < len(b.Instrs) {
		e.depth = make([]int32, len(b.Instrs)+len(b.Instrs)/2)
	}
	open := 0
	for i, in := range b.Instrs {
		switch in.Op {
		case op.Block, op.Loop, op.If:
			e.depth[i] = int32(open)
			open++
		case op.End:
			open--
		}
		e.instr(b, in, open)
	}
	e.buf = append(e.buf, byte(op.End))
}

// instr appends one instruction; open is how many blocks are open around it.
func (e *encoder) instr(b *wat.Body, in wat.Instr, open int) {
	prefix, number := in.Op.Prefix()
	if prefix != 0 {
		e.buf = appendU(append(e.buf, prefix), number)
	} else {
		e.buf = append(e.buf, byte(number))
	}
	switch info := in.Op.Info(); info.Imm {
	case op.None:
	case op.BlockType:
		e.blockType(wat.BlockType(in.Imm))
	case op.Label:
		e.label(wat.Label(in.Imm), open)
	case op.LabelTable:
		labels := b.Words(in)
		e.u(len(labels) - 1)
		for _, l := range labels {
			e.label(wat.Label(l), open)
		}
	case op.Func:
		e.u32(e.index(wat.FuncID(in.Imm)))
	case op.Local, op.Global, op.Table, op.Elem, op.Memory, op.Data, op.Lane:
		e.buf = appendU(e.buf, in.Imm)
	case op.Indirect, op.TableCopy, op.MemoryCopy, op.TableInit, op.MemoryInit:
		first, second := in.Pair()
		e.u32(first)
		e.u32(second)
	case op.MemArg, op.MemArgLane:
		arg := wat.MemArg(in.Imm)
		e.buf = appendU(appendU(e.buf, arg.Align()), arg.Offset())
		if info.Imm == op.MemArgLane {
			e.buf = append(e.buf, arg.Lane())
		}
	case op.I32:
		e.buf = appendS(e.buf, int64(int32(in.Imm)))
	case op.I64:
		e.buf = appendS(e.buf, int64(in.Imm))
	case op.F32:
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(in.Imm))
	case op.F64:
		e.buf = binary.LittleEndian.AppendUint64(e.buf, in.Imm)
	case op.V128, op.Shuffle:
		lo, hi := b.Wide(in)
		e.buf = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(e.buf, lo), hi)
	case op.HeapType:
		e.buf = append(e.buf, byte(in.Imm))
	case op.Result:
		if in.Op == op.SelectT {
			types := b.Words(in)
			e.u(len(types))
			for _, t := range types {
				e.buf = append(e.buf, byte(t))
			}
		}
	}
}

func (e *encoder) blockType(b wat.BlockType) {
	if t, ok := b.Value(); ok {
		e.buf = append(e.buf, byte(t))
	} else if id, ok := b.Index(); ok {
		e.buf = appendS(e.buf, int64(id))
	} else {
		e.buf = append(e.buf, 0x40)
	}
}

func (e *encoder) label(l wat.Label, open int) {
	place := -1
	if l != wat.BodyLabel {
		place = int(e.depth[l.Opener()])
	}
	e.u(open - 1 - place)
}
