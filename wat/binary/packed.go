package binary

import (
	"slices"
	"strings"
	"sync"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A packed is the body of a function in the binary format. Functions are numbered as
// in the tree.
type packed struct {
	// code ends with the body. Of a source it begins with the module, so that places
	// are right.
	code  string
	start int // where the instructions begin
	// shortest says that all numbers have their shortest form: the encoder would write
	// these very bytes.
	shortest bool
	data     bool            // it names a data segment
	openers  int             // blocks, loops and ifs
	labels   []wat.LabelName // by the number of the block, loop or if
}

// check checks the format. It requires that the bytes are known, and finds the rest.
func (p *packed) check(b *bodyReader, source *wat.Source) *wat.Error {
	b.namesData = false
	b.reader = reader{src: p.code, pos: p.start, end: len(p.code), source: source}
	p.makeRoom(b.body)
	b.read()
	if b.err == nil && b.pos != b.end {
		b.fail(b.pos, "END opcode expected: %d bytes behind the end of the function", b.end-b.pos)
	}
	p.shortest, p.data, p.openers = !b.padded, b.namesData, b.opened
	return b.err
}

// makeRoom sees to it that a body can hold the instructions.
func (p *packed) makeRoom(b *wat.Body) {
	if n := (len(p.code)-p.start)/2 + 2; n > cap(b.Instrs) { // compilers emit 2 to 2.5 bytes an instruction
		b.Instrs = make([]wat.Instr, 0, n)
	}
}

// Unpack is a method of wat.Packed.
func (p *packed) Unpack(into *wat.Body) *wat.Body {
	if into == nil {
		into = &wat.Body{}
	}
	p.makeRoom(into)
	b := bodyReader{reader: reader{src: p.code, pos: p.start, end: len(p.code)}, body: into, labels: p.labels}
	b.read()
	return into
}

// Pack is a method of wat.Packed.
func (p *packed) Pack(b *wat.Body) wat.Packed {
	e := packers.Get().(*encoder)
	defer packers.Put(e)
	e.buf = e.buf[:0]
	e.body(b)
	var code strings.Builder // of the size that is needed
	code.Write(e.buf)
	return &packed{code: code.String(), shortest: true, data: refersToData(b), openers: len(b.Openers()), labels: numbered(b)}
}

// packers have buffers.
var packers = sync.Pool{New: func() any { return &encoder{} }}

// refersToData reports whether an instruction names a data segment.
func refersToData(b *wat.Body) bool {
	return slices.ContainsFunc(b.Instrs, func(in wat.Instr) bool {
		imm := in.Op.Info().Imm
		return imm == op.MemoryInit || imm == op.Data
	})
}

// numbered returns the names of the labels of a body by the number of the block, loop
// or if.
func numbered(b *wat.Body) []wat.LabelName {
	if len(b.Labels) == 0 {
		return nil
	}
	labels := make([]wat.LabelName, 0, len(b.Labels))
	opened := uint32(0)
	for i, in := range b.Instrs {
		if in.Op.Info().Imm != op.BlockType {
			continue
		}
		if next := len(labels); next < len(b.Labels) && int(b.Labels[next].Opener) == i {
			labels = append(labels, wat.LabelName{Opener: opened, Name: b.Labels[next].Name})
		}
		opened++
	}
	return labels
}
