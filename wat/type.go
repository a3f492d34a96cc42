package wat

import (
	"slices"
	"strings"
)

// A ValType is the type of a value: its byte in the binary format. The zero
// ValType is no type; on an operand stack it stands for the unknown type of a
// value in unreachable code.
type ValType uint32

// The value types.
const (
	I32       ValType = 0x7F
	I64       ValType = 0x7E
	F32       ValType = 0x7D
	F64       ValType = 0x7C
	V128      ValType = 0x7B
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6F
)

// valTypes lists every value type with its keyword and its letter in the
// instruction table.
var valTypes = [...]struct {
	typ    ValType
	name   string
	letter byte
}{
	{I32, "i32", 'i'},
	{I64, "i64", 'l'},
	{F32, "f32", 'f'},
	{F64, "f64", 'd'},
	{V128, "v128", 'v'},
	{FuncRef, "funcref", 0},
	{ExternRef, "externref", 0},
}

// String returns the keyword of the type.
func (t ValType) String() string {
	for _, v := range valTypes {
		if v.typ == t {
			return v.name
		}
	}
	return "unknown"
}

// IsRef reports whether t is a reference type.
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef }

// Letter returns the letter of a number or vector type in signatures such as
// those of the instruction table: i, l, f, d or v.
func (t ValType) Letter() byte {
	for _, v := range valTypes {
		if v.typ == t {
			return v.letter
		}
	}
	return 0
}

// Size returns how many bytes of memory a value of a number or vector type
// takes; 0 for a reference, which cannot lie in memory.
func (t ValType) Size() int {
	switch t {
	case I32, F32:
		return 4
	case I64, F64:
		return 8
	case V128:
		return 16
	}
	return 0
}

// ParseValType returns the type of a keyword.
func ParseValType(name string) (ValType, bool) {
	for _, v := range valTypes {
		if v.name == name {
			return v.typ, true
		}
	}
	return 0, false
}

// HeapTypeName returns the keyword that ref.null takes for a reference type.
func (t ValType) HeapTypeName() string {
	return strings.TrimSuffix(t.String(), "ref")
}

// A FuncType is the type of a function or of a block.
type FuncType struct{ Params, Results []ValType }

// key returns a string that is equal for equal types.
func (f FuncType) key() string {
	b := make([]byte, 0, len(f.Params)+len(f.Results)+1)
	for _, t := range f.Params {
		b = append(b, byte(t))
	}
	b = append(b, 0)
	for _, t := range f.Results {
		b = append(b, byte(t))
	}
	return string(b)
}

// Equal reports whether two types have the same parameters and results.
func (f FuncType) Equal(g FuncType) bool {
	return slices.Equal(f.Params, g.Params) && slices.Equal(f.Results, g.Results)
}

// String returns the type as the text format writes it: (param i32) (result i64).
func (f FuncType) String() string {
	var b strings.Builder
	writeTypes(&b, "param", f.Params)
	if len(f.Params) > 0 && len(f.Results) > 0 {
		b.WriteByte(' ')
	}
	writeTypes(&b, "result", f.Results)
	return b.String()
}

func writeTypes(b *strings.Builder, keyword string, types []ValType) {
	if len(types) == 0 {
		return
	}
	b.WriteString("(" + keyword)
	for _, t := range types {
		b.WriteString(" " + t.String())
	}
	b.WriteByte(')')
}

// A BlockType is the type of a block, loop or if: none, one result, or the type
// with an index.
type BlockType uint64

const (
	blockValue BlockType = 1 << 32
	blockIndex BlockType = 2 << 32
)

// BlockOf returns the type of a block without parameters and with one result.
func BlockOf(t ValType) BlockType { return blockValue | BlockType(t) }

// BlockWith returns the type of a block whose parameters and results are those
// of the module's type with that index.
func BlockWith(t TypeID) BlockType { return blockIndex | BlockType(t) }

// Value returns the result of a block type that is one value type.
func (b BlockType) Value() (ValType, bool) {
	return ValType(b & 0xFFFFFFFF), b&blockValue != 0
}

// Index returns the index of a block type that is an index.
func (b BlockType) Index() (TypeID, bool) {
	return TypeID(b & 0xFFFFFFFF), b&blockIndex != 0
}
