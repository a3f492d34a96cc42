package callgraph

import (
	"slices"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// A Call is an instruction that calls.
type Call struct {
	Caller wat.FuncID
	Instr  int32 // in the body of the caller
	// Callee is the function that is called, if Class is Direct or Known.
	Callee wat.FuncID
	// Class is the number of the class of a call through a table, or Direct, Known
	// or Trap.
	Class int32
}

// What a Call has in place of a class.
const (
	Direct int32 = -1 - iota // no table is involved
	Known                    // the code shows which slot of a table it is, and that holds Callee
	Trap                     // it is known that the slot holds no function of the type
)

// Indirect reports whether the call goes through a table.
func (c Call) Indirect() bool { return c.Class != Direct }

// Calls are all calls of a module, and what its tables may hold.
type Calls struct {
	m       *wat.Module
	calls   []Call // by caller, then instruction
	from    []int  // by caller: where its calls begin
	to      []int32
	into    []int // by callee: where the calls of it begin in to, which lists numbers of calls
	classes []Class
	tables  []contents
}

// Of returns the calls in a function, in the order of its instructions.
func (c *Calls) Of(f wat.FuncID) []Call { return c.calls[c.from[f]:c.from[f+1]] }

// Callers calls do for every call that is known to call a function, by caller and
// instruction.
func (c *Calls) Callers(f wat.FuncID, do func(Call)) {
	for _, k := range c.to[c.into[f]:c.into[f+1]] {
		do(c.calls[k])
	}
}

// Classes returns the classes of calls through tables.
func (c *Calls) Classes() []Class { return c.classes }

// OpenTable says why a host may put functions of its own into a table, "" if it
// cannot.
func (c *Calls) OpenTable(t wat.TableID) string { return c.tables[t].open }

// Holds returns the functions of the module that a table may hold, in ascending order.
func (c *Calls) Holds(t wat.TableID) []wat.FuncID { return c.tables[t].funcs }

// Collect reads the calls of a valid module.
func Collect(m *wat.Module) *Calls {
	c := &Calls{m: m, from: make([]int, len(m.Funcs)+1)}
	bodies := scan(m)
	r := findReferences(m, bodies)
	c.tables = r.contents()
	classes := newClassifier(m, c.tables)
	for id, b := range bodies {
		c.from[id+1] = c.from[id] + len(b.calls)
	}
	c.calls = make([]Call, 0, c.from[len(m.Funcs)])
	for _, b := range bodies {
		indirect := b.indirect
		for _, call := range b.calls {
			if call.Class != Direct {
				call.Callee, call.Class = classes.resolve(indirect[0], len(indirect[0])-1)
				indirect = indirect[1:]
			}
			c.calls = append(c.calls, call)
		}
	}
	c.classes = classes.all
	c.index()
	return c
}

// index sorts the calls with a known callee by that.
func (c *Calls) index() {
	c.into = make([]int, len(c.m.Funcs)+1)
	for _, call := range c.calls {
		if call.Class == Direct || call.Class == Known {
			c.into[call.Callee+1]++
		}
	}
	for i := range c.m.Funcs {
		c.into[i+1] += c.into[i]
	}
	c.to = make([]int32, c.into[len(c.m.Funcs)])
	next := slices.Clone(c.into)
	for k, call := range c.calls {
		if call.Class == Direct || call.Class == Known {
			c.to[next[call.Callee]] = int32(k)
			next[call.Callee]++
		}
	}
}

// A Class is all calls of one type through one table whose slot is not known.
type Class struct {
	Table wat.TableID
	Type  wat.TypeID // the first of those that equal it
	// Targets are the functions that the table may hold and that have the type, in
	// ascending order. If the table is open these are those of the module itself.
	Targets []wat.FuncID
	// Open says why a host may put functions of its own into the table; "" if it
	// cannot.
	Open string
}

// A classifier finds out what calls through tables reach.
type classifier struct {
	m         *wat.Module
	tables    []contents
	typeOf    []wat.TypeID                  // by type: the first that equals it
	held      []map[wat.TypeID][]wat.FuncID // by table: what it may hold, by type
	numbers   map[uint64]int32              // by table and type: the class
	constants []*wat.Data                   // segments that nobody writes to
	all       []Class
}

func newClassifier(m *wat.Module, tables []contents) *classifier {
	c := &classifier{
		m: m, tables: tables, numbers: map[uint64]int32{}, typeOf: make([]wat.TypeID, len(m.Types)),
		held: make([]map[wat.TypeID][]wat.FuncID, len(tables)), constants: findConstants(m),
	}
	first := map[string]wat.TypeID{}
	for i, t := range m.Types {
		key := t.FuncType.String()
		if _, known := first[key]; !known {
			first[key] = wat.TypeID(i)
		}
		c.typeOf[i] = first[key]
	}
	for t, holds := range tables {
		c.held[t] = map[wat.TypeID][]wat.FuncID{}
		for _, f := range holds.funcs {
			typ := c.typeOf[m.Funcs[f].Type]
			c.held[t][typ] = append(c.held[t][typ], f)
		}
	}
	return c
}

// resolve returns what instruction i, a call through a table, calls.
func (c *classifier) resolve(instrs []wat.Instr, i int) (callee wat.FuncID, class int32) {
	typ, table := instrs[i].Pair()
	want := c.typeOf[typ]
	if slot, ok := c.slot(instrs[:i]); ok {
		if held, known := c.tables[table].slot(slot); known {
			if held < 0 || c.typeOf[c.m.Funcs[held].Type] != want {
				return 0, Trap
			}
			return wat.FuncID(held), Known
		}
	}
	return 0, c.number(wat.TableID(table), want)
}

// number returns the number of a class.
func (c *classifier) number(table wat.TableID, typ wat.TypeID) int32 {
	key := uint64(table)<<32 | uint64(typ)
	n, known := c.numbers[key]
	if known {
		return n
	}
	n = int32(len(c.all))
	c.numbers[key] = n
	c.all = append(c.all, Class{Table: table, Type: typ, Targets: c.held[table][typ], Open: c.tables[table].open})
	return n
}

// slotInstrs is how many instructions show a slot.
const slotInstrs = 2

// slot returns the operand of a call through a table behind some instructions, if
// they show it: a constant, or a word that is loaded from a constant address in a
// data segment called .rodata, which compilers give to what nobody writes to.
func (c *classifier) slot(before []wat.Instr) (uint32, bool) {
	n := len(before)
	if n == 0 {
		return 0, false
	}
	switch last := before[n-1]; {
	case last.Op == op.I32Const:
		return uint32(last.Imm), true
	case last.Op == op.I32Load && n > 1 && before[n-2].Op == op.I32Const:
		return c.constantWord(uint64(uint32(before[n-2].Imm)) + wat.MemArg(last.Imm).Offset())
	}
	return 0, false
}
