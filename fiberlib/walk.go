package fiberlib

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Frame is a suspended function.
type Frame struct {
	Function string
	Site     int    // which of its calls has suspended it
	Callee   string // what that calls
	File     string // where the call stands in the source, "" if that is not known
	Line     int
	Address  uint32 // of the frame, in memory
	Size     uint32 // in bytes
	Locals   []Local
}

// A Local is the value that a local or operand of a suspended function has; there
// are only those that are needed when it goes on.
type Local struct {
	Name    string
	Type    byte     // i i32, l i64, f f32, d f64, v v128
	Address uint32   // in memory
	Bits    []uint64 // one word; two for a v128, the low half first
}

// Walk returns the frames that lie in a buffer, the innermost first: those from
// address from up to address to, the position at the end of an unwind. If from is 0, it
// is not known where they begin. The root is the number of the outermost function.
//
// What does not fit the map ends in an error, together with the frames found so far.
func (m *FrameMap) Walk(memory []byte, from, to uint32, root int) ([]Frame, error) {
	var frames []Frame
	err := m.walk(memory, from, to, root, func(f *FrameFunc, at placed, callee string) { frames = append(frames, f.frame(memory, at, callee)) })
	slices.Reverse(frames)
	return frames, err
}

// A placed frame is one that is known to be in memory.
type placed struct {
	site  int
	whole uint32 // where it begins, or would if it was whole: slots have their offsets from there
	start uint32 // where it begins
	end   uint32
}

// place finds out about the frame of a function that ends at an address, and does not
// begin below another.
func (f *FrameFunc) place(memory []byte, lowest, end uint32) (placed, error) {
	p := placed{whole: end - f.Size, start: end - (f.Size - f.Rare), end: end} // below 0 they wrap
	if end-lowest < f.Size-f.Rare {
		return p, fmt.Errorf("the frame of %s takes %d bytes, %d are left", f.Name, f.Size-f.Rare, end-lowest)
	}
	if f.SiteAt >= 0 {
		p.site = int(int32(binary.LittleEndian.Uint32(memory[p.whole+uint32(f.SiteAt):])))
	}
	if f.Rare > 0 && p.site < 0 {
		if end-lowest < f.Size {
			return p, fmt.Errorf("the frame of %s takes %d bytes, %d are left", f.Name, f.Size, end-lowest)
		}
		p.site, p.start = ^p.site, p.whole
	}
	if p.site < 0 || p.site >= len(f.Sites) {
		return p, fmt.Errorf("%s has no site %d", f.Name, p.site)
	}
	return p, nil
}

// frame returns a frame with what the map says of it.
func (f *FrameFunc) frame(memory []byte, at placed, callee string) Frame {
	s := &f.Sites[at.site]
	return Frame{
		Function: f.Name, Site: at.site, Callee: callee, File: s.File, Line: s.Line,
		Address: at.start, Size: at.end - at.start, Locals: f.locals(memory, s, at),
	}
}

// walk calls see for each frame, the outermost first.
func (m *FrameMap) walk(memory []byte, from, to uint32, root int, see func(f *FrameFunc, at placed, callee string)) error {
	if uint64(to) > uint64(len(memory)) || from > to {
		return fmt.Errorf("the buffer from %#x to %#x is not in memory", from, to)
	}
	still := 0 // functions whose frames take nothing, one called by the other
	for number := root; ; {
		if number < 1 || number > len(m.Funcs) {
			return fmt.Errorf("function %d of %d has no frames", number, len(m.Funcs))
		}
		f := &m.Funcs[number-1]
		at, err := f.place(memory, from, to)
		if err != nil {
			return err
		}
		if still++; f.Size > 0 {
			still = 0
		}
		if still > len(m.Funcs) {
			return fmt.Errorf("%s calls itself without a frame", f.Name)
		}
		to = at.start
		s := &f.Sites[at.site]
		callee := s.Name
		if s.Callee < 0 {
			number, callee = m.fromTable(memory, f, s, at)
		} else {
			number = s.Callee
		}
		if number > 0 && number <= len(m.Funcs) {
			callee = m.Funcs[number-1].Name
		}
		see(f, at, callee)
		if number == 0 {
			break
		}
	}
	if from != to && from != 0 {
		return fmt.Errorf("%d bytes are left that belong to no frame", to-from)
	}
	return nil
}

// FrameBelow returns the frame of a function, by its number, that ends at an address.
func (m *FrameMap) FrameBelow(memory []byte, number int, end uint32) (Frame, error) {
	if number < 1 || number > len(m.Funcs) {
		return Frame{}, fmt.Errorf("function %d of %d has no frames", number, len(m.Funcs))
	}
	f := &m.Funcs[number-1]
	if uint64(end) > uint64(len(memory)) {
		return Frame{}, fmt.Errorf("the frame of %s up to %#x is not in memory", f.Name, end)
	}
	at, err := f.place(memory, 0, end)
	if err != nil {
		return Frame{}, err
	}
	return f.frame(memory, at, m.calleeOf(memory, f, &f.Sites[at.site], at)), nil
}

// calleeOf returns the name of the function that a site calls.
func (m *FrameMap) calleeOf(memory []byte, f *FrameFunc, s *FrameSite, at placed) string {
	number, name := s.Callee, s.Name
	if s.Callee < 0 {
		number, name = m.fromTable(memory, f, s, at)
	}
	if number > 0 && number <= len(m.Funcs) {
		return m.Funcs[number-1].Name
	}
	return name
}

// fromTable returns the function that a site calls from a table: its number, or a
// name if it has no frame.
func (m *FrameMap) fromTable(memory []byte, f *FrameFunc, s *FrameSite, at placed) (number int, name string) {
	index, ok := evaluate(s.Index, func(slot uint32) uint32 {
		if slot >= uint32(len(f.Slots)) || f.Slots[slot].Type != 'i' || !at.has(f.Slots[slot]) {
			return 0
		}
		return binary.LittleEndian.Uint32(memory[at.whole+f.Slots[slot].Offset:])
	})
	if !ok {
		return 0, "a function from a table"
	}
	number, ok = m.Entry(s.Table, index)
	if !ok || number == 0 {
		return 0, fmt.Sprintf("function %d of table %d", index, s.Table)
	}
	return number, ""
}

// Entry returns the number of the function at an index of a table, 0 for one without
// frames; false if the map does not know what lies there.
func (m *FrameMap) Entry(table, index uint32) (number int, ok bool) {
	for i := len(m.Tables) - 1; i >= 0; i-- { // later segments overwrite earlier ones
		if t := m.Tables[i]; t.Table == table && index >= t.First && uint64(index-t.First) < uint64(len(t.Funcs)) {
			return t.Funcs[index-t.First], true
		}
	}
	return 0, false
}

// has reports whether a slot is in the frame.
func (p placed) has(s FrameSlot) bool { return s.Offset >= p.start-p.whole }

// locals returns the values in a frame that are needed behind a site.
func (f *FrameFunc) locals(memory []byte, s *FrameSite, at placed) []Local {
	var locals []Local
	for i, slot := range f.Slots {
		if !s.Live[i] || !at.has(slot) {
			continue
		}
		l := Local{Name: slot.Name, Type: slot.Type, Address: at.whole + slot.Offset}
		b := memory[l.Address:]
		switch slotSize(slot.Type) {
		case 4:
			l.Bits = []uint64{uint64(binary.LittleEndian.Uint32(b))}
		case 8:
			l.Bits = []uint64{binary.LittleEndian.Uint64(b)}
		case 16:
			l.Bits = []uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
		}
		locals = append(locals, l)
	}
	return locals
}

// The instructions that the index of a site can be computed with, as WebAssembly
// encodes them; IndexSlot stands for the local.get of a slot. Numbers behind
// IndexConst have a sign.
const (
	IndexSlot  = 0x20
	IndexConst = 0x41
)

// IndexOp does the others: it returns the result of an instruction with two operands
// i32, false for one that an index cannot be computed with.
func IndexOp(opcode byte, a, b uint32) (result uint32, ok bool) {
	switch opcode {
	case 0x6a:
		return a + b, true
	case 0x6b:
		return a - b, true
	case 0x6c:
		return a * b, true
	case 0x71:
		return a & b, true
	case 0x72:
		return a | b, true
	case 0x73:
		return a ^ b, true
	case 0x74:
		return a << (b & 31), true
	case 0x75:
		return uint32(int32(a) >> (b & 31)), true
	case 0x76:
		return a >> (b & 31), true
	}
	return 0, false
}

// evaluate computes the index of a site; it reports false if the code is empty or
// makes no sense.
func evaluate(code []byte, slot func(uint32) uint32) (uint32, bool) {
	var stack []uint32
	for len(code) > 0 {
		op := code[0]
		code = code[1:]
		switch {
		case op == IndexSlot:
			n, size := binary.Uvarint(code)
			if size <= 0 {
				return 0, false
			}
			code = code[size:]
			stack = append(stack, slot(uint32(n)))
		case op == IndexConst:
			n, size := signed(code)
			if size == 0 {
				return 0, false
			}
			code = code[size:]
			stack = append(stack, n)
		case len(stack) >= 2:
			result, ok := IndexOp(op, stack[len(stack)-2], stack[len(stack)-1])
			if !ok {
				return 0, false
			}
			stack = append(stack[:len(stack)-2], result)
		default:
			return 0, false
		}
	}
	if len(stack) != 1 {
		return 0, false
	}
	return stack[0], true
}

// signed reads a number in signed LEB128, and returns how many bytes it takes, 0 if
// it is malformed.
func signed(b []byte) (n uint32, size int) {
	for shift := uint(0); size < len(b) && shift < 35; shift += 7 {
		c := b[size]
		size++
		n |= uint32(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 32 {
				n |= ^uint32(0) << (shift + 7)
			}
			return n, size
		}
	}
	return 0, 0
}
