// Package op is the one table of WebAssembly instructions.
//
// Everything that has to know an instruction reads its row here: the scanner
// asks for the mnemonic and the kind of immediate, the checker for the stack
// signature, the encoder and the decoder for the opcode bytes, the rewriter for
// what the instruction may do besides computing. Nothing else in watfiber
// switches over mnemonics to learn one of these.
//
// The rows are those of the WebAssembly core specification 2.0, appendix
// "Index of Instructions". A later proposal adds rows, and code only where it
// brings a new kind of immediate or a new typing rule.
package op

import "fmt"

// A Code identifies an instruction by its opcode. A one-byte opcode is its own
// Code; an opcode behind a prefix byte 0xFB..0xFE is Prefixed(prefix, number).
type Code uint16

const prefixShift = 12

// Prefixed returns the Code of the opcode that is written as a prefix byte
// (0xFB to 0xFE) and a number in LEB128.
func Prefixed(prefix byte, number uint32) Code {
	return Code(uint32(prefix-0xFA)<<prefixShift | number&(1<<prefixShift-1))
}

// Prefix splits a Code into its prefix byte, 0 if it has none, and its number.
func (c Code) Prefix() (prefix byte, number uint32) {
	if c < 1<<prefixShift {
		return 0, uint32(c)
	}
	return byte(c>>prefixShift) + 0xFA, uint32(c) & (1<<prefixShift - 1)
}

// Info returns the row of an instruction, or nil if the table has none.
func (c Code) Info() *Info {
	if int(c) < len(oneByte) {
		return oneByte[c]
	}
	return c.prefixed()
}

// prefixed returns the row of an instruction with a prefix.
func (c Code) prefixed() *Info {
	group, number := c>>prefixShift, c&(1<<prefixShift-1)
	if int(group) >= len(rowOf) || int(number) >= len(rowOf[group]) {
		return nil
	}
	row := rowOf[group][number]
	if row == 0 {
		return nil
	}
	return &table[row-1]
}

// String returns the mnemonic.
func (c Code) String() string {
	if info := c.Info(); info != nil {
		return info.Name
	}
	prefix, number := c.Prefix()
	return fmt.Sprintf("opcode(%#02x %#02x)", prefix, number)
}

// Info is the row of one instruction.
type Info struct {
	Name string // mnemonic
	Code Code   // opcode
	Imm  Imm    // what stands behind the mnemonic

	// In and Out are the types popped and pushed, bottom first, one letter a
	// value: i i32, l i64, f f32, d f64, v v128, a the address type of the
	// memory. An instruction whose signature depends on its immediate or on
	// the stack has In "?".
	In, Out string

	Size   uint8  // bytes of memory accessed by a load or store, else 0
	Effect Effect // what it does besides computing Out from In
}

// Fixed reports whether In and Out are the whole signature.
func (i *Info) Fixed() bool { return i.In != special }

// special in the column In marks a signature that the checker computes.
const special = "?"

// An Effect says what executing an instruction may do besides computing its
// results from its operands.
type Effect uint8

const (
	// Acts is any effect: a trap, a branch, a write, a read of something that
	// may change between two executions.
	Acts Effect = iota
	// Pure has none: it can be executed again, on any operands, unnoticed.
	Pure
	// Test is Pure, and the one result is 0 or 1.
	Test
	// Traps may trap, as its operands say, and does nothing else.
	Traps
	// Reads reads memory, where it may trap and may find something else a second time.
	Reads
)

// Pure reports whether the instruction can be executed again, on any operands,
// without anybody noticing.
func (i *Info) Pure() bool { return i.Effect == Pure || i.Effect == Test }

// Imm is the kind of the immediates of an instruction.
type Imm uint8

// The kinds of immediates, in the order of the text format where there are two.
const (
	None       Imm = iota
	BlockType      // block type, label in the text
	Label          // one label
	LabelTable     // labels, the last is the default
	Func           // function
	Indirect       // table (optional), type
	Local          // local
	Global         // global
	Table          // table (optional)
	TableCopy      // destination table, source table (both optional)
	TableInit      // table (optional), element segment
	Elem           // element segment
	Memory         // memory (optional)
	MemoryCopy     // destination memory, source memory (both optional)
	MemoryInit     // memory (optional), data segment
	Data           // data segment
	MemArg         // memory (optional), offset, alignment
	MemArgLane     // memory (optional), offset, alignment, lane
	Lane           // lane
	Shuffle        // 16 lanes
	I32            // integer literal
	I64            // integer literal
	F32            // float literal
	F64            // float literal
	V128           // shape and literals
	HeapType       // heap type of a null reference
	Result         // result types (optional) of select
	numImm
)

// Instructions that code refers to by name: those with typing, binding or
// encoding rules of their own.
const (
	Unreachable  Code = 0x00
	Nop          Code = 0x01
	Block        Code = 0x02
	Loop         Code = 0x03
	If           Code = 0x04
	Else         Code = 0x05
	End          Code = 0x0B
	Br           Code = 0x0C
	BrIf         Code = 0x0D
	BrTable      Code = 0x0E
	Return       Code = 0x0F
	Call         Code = 0x10
	CallIndirect Code = 0x11
	Drop         Code = 0x1A
	Select       Code = 0x1B
	SelectT      Code = 0x1C
	LocalGet     Code = 0x20
	LocalSet     Code = 0x21
	LocalTee     Code = 0x22
	GlobalGet    Code = 0x23
	GlobalSet    Code = 0x24
	TableGet     Code = 0x25
	TableSet     Code = 0x26
	I32Load      Code = 0x28
	I32Const     Code = 0x41
	I64Const     Code = 0x42
	F32Const     Code = 0x43
	F64Const     Code = 0x44
	I32Add       Code = 0x6A
	I32Sub       Code = 0x6B
	I32Mul       Code = 0x6C
	I64Add       Code = 0x7C
	I64Sub       Code = 0x7D
	I64Mul       Code = 0x7E
	RefNull      Code = 0xD0
	RefIsNull    Code = 0xD1
	RefFunc      Code = 0xD2

	TableGrow Code = 0x200F
	TableSize Code = 0x2010
	TableFill Code = 0x2011

	V128Const Code = 0x300C
)

// Lookup returns the Code of a mnemonic.
func Lookup(name string) (Code, bool) {
	c, ok := byName[name]
	return c, ok
}

// Lanes returns the number of lanes that a Lane or MemArgLane immediate chooses
// from: 16 bytes by the size of a lane.
func (i *Info) Lanes() int {
	if i.Size == 0 {
		return 0
	}
	return 16 / int(i.Size)
}

// All yields the rows in the order of the table.
func All(yield func(*Info) bool) {
	for i := range table {
		if !yield(&table[i]) {
			return
		}
	}
}

var (
	byName = indexNames()
	rowOf  = indexCodes()

	oneByte = indexOneByte() // most of all instructions
)

func indexNames() map[string]Code {
	m := make(map[string]Code, len(table))
	for i := range table {
		// Two rows share the mnemonic select; the first is the plain one.
		if _, dup := m[table[i].Name]; !dup {
			m[table[i].Name] = table[i].Code
		}
	}
	return m
}

func indexOneByte() (rows [256]*Info) {
	for i := range table {
		if c := int(table[i].Code); c < len(rows) {
			rows[c] = &table[i]
		}
	}
	return rows
}

// indexCodes maps prefix group and number to 1 + the row.
func indexCodes() [5][]uint16 {
	var rows [5][]uint16
	for i := range table {
		c := table[i].Code
		group, number := c>>prefixShift, int(c&(1<<prefixShift-1))
		for len(rows[group]) <= number {
			rows[group] = append(rows[group], 0)
		}
		rows[group][number] = uint16(i + 1)
	}
	return rows
}
