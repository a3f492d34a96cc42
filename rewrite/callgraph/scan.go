package callgraph

import (
	"slices"

	"github.com/watfiber/watfiber/internal/parallel"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/op"
)

// scanned is what the body of a function has to say.
type scanned struct {
	calls      []Call        // callee and class of those through tables are not known yet
	indirect   [][]wat.Instr // the calls through tables, with the instructions that may show the slot before them
	references []wat.Instr   // what makes references, or writes them to tables
}

// scan reads the bodies of all functions, each once, on all processors.
func scan(m *wat.Module) []scanned {
	all := make([]scanned, len(m.Funcs))
	parallel.Do(len(m.Funcs), func() func(int) {
		var scratch wat.Body
		return func(id int) { all[id] = scanBody(wat.FuncID(id), m.Funcs[id].BodyIn(&scratch).Instrs) }
	})
	return all
}

func scanBody(id wat.FuncID, instrs []wat.Instr) (s scanned) {
	for i, in := range instrs {
		call := Call{Caller: id, Instr: int32(i), Class: Direct}
		switch in.Op {
		case op.Call:
			call.Callee = wat.FuncID(in.Imm)
			s.calls = append(s.calls, call)
		case op.CallIndirect:
			call.Class = Trap
			s.calls = append(s.calls, call)
			s.indirect = append(s.indirect, slices.Clone(instrs[max(0, i-slotInstrs):i+1]))
		case op.RefFunc, op.TableSet, op.TableGrow, op.TableFill:
			s.references = append(s.references, in)
		default:
			if imm := in.Op.Info().Imm; imm == op.TableCopy || imm == op.TableInit {
				s.references = append(s.references, in)
			}
		}
	}
	return s
}
