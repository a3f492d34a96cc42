package rewrite

import (
	"fmt"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file finds in a program what the fiber library needs of it.

// Names in the library that stand for what a program has.
const (
	programModule = "program"
	programSP     = "$program.sp"
	programMalloc = "$program.malloc"
	programFree   = "$program.free"

	programStuck = "$program.stuck"

	programStackBase = "$program.stack_base"
	programMap       = "$program.map"
	programMapSize   = "$program.map_size"

	hook = "$hook." // what all hooks begin with

	idStackBase = "$fiber.stack_base"
	idMap       = "$fiber.map_data"
	idMapSize   = "$fiber.map_size"

	idOwnSP = "$fiber.stack_pointer"
	idHost  = "$fiber.host."
)

// findProgram finds what the library needs of a program, and what stands in for that
// which the program does not have.
func findProgram(m *wat.Module, renamed, called map[string]string) {
	renamed[programSP] = idOwnSP
	if sp := stackPointer(m); sp >= 0 {
		renamed[programSP] = reference(m, m.Globals[sp].Name, sp)
	}
	renamed[programMalloc], renamed[programFree] = "$fiber.take_memory", "$fiber.give_memory"
	if malloc, free := allocator(m); malloc >= 0 {
		renamed[programMalloc] = reference(m, m.Funcs[malloc].Name, malloc)
		renamed[programFree] = reference(m, m.Funcs[free].Name, free)
	}
	if called["fiber.set_allocator"] != "" {
		renamed[programMalloc], renamed[programFree] = "$fiber.call_malloc", "$fiber.call_free"
	}
	renamed[programStackBase] = idStackBase
	renamed[programMap], renamed[programMapSize] = idMap, idMapSize
}

// setHooks says which hooks of the library something needs, and what they do.
func setHooks(renamed, called map[string]string, opts Options, readsMap bool) {
	set := func(name string, needed bool) {
		if needed {
			renamed[hook+name] = "$fiber." + name
		}
	}
	set("cleanup", called["fiber.defer"] != "")
	waits := called["fiber.wait_fd"]
	for _, name := range wasiWaits {
		waits += called["fiber.wasi_"+name]
	}
	if waits != "" {
		renamed[hook+"events"], renamed[hook+"turn"] = "$fiber.loop", "$fiber.loop_turns"
	} else if called["fiber.sleep"]+called["fiber.select_timeout"] != "" {
		renamed[hook+"events"], renamed[hook+"turn"] = "$fiber.events", "$fiber.turns"
	}
	set("shuffle", called["fiber.seed"] != "" || opts.Seed != 0)
	set("unwatch", waits != "")
	set("end_wait", waits != "")
	set("selected", called["fiber.select_timeout"] != "")
	set("timed_out", called["fiber.select_timeout"] != "")
	set("look_now", called["fiber.look"] != "")
	set("note_root", opts.Frames || readsMap)
	set("note_use", opts.Frames || called["fiber.most_used"] != "")
	set("see", opts.Frames)
	renamed[programStuck] = "$fiber.stuck"
	if opts.Frames {
		renamed[programStuck] = "$fiber.stuck_later"
	}
}

// reference is how text refers to a definition of the module.
func reference(m *wat.Module, name string, index int) string {
	if name == "" || m.Source.Binary {
		return fmt.Sprint(index)
	}
	return wat.ID(name)
}

// stackPointer returns the global that holds the pointer of the stack in memory that
// C and its relatives keep, -1 if there is none: the one that is exported by its name, the
// one of that name, or in a module without names one that a function takes its bytes from
// as compilers do.
func stackPointer(m *wat.Module) int {
	if i := exportedStack(m); i >= 0 {
		return i
	}
	for i, g := range m.Globals {
		if (g.Name == "__stack_pointer" || g.Name == "~lib/memory/__stack_pointer") && isPointer(m, i) {
			return i
		}
	}
	var scratch wat.Body
	for _, f := range m.Funcs {
		i := takesStack(f.BodyIn(&scratch).Instrs)
		if i < 0 {
			continue
		}
		if name := m.Globals[i].Name; isPointer(m, i) && (name == "" || name == wat.DefaultGlobal(i)) {
			return i
		}
	}
	return -1
}

// prologues are how functions take bytes from a stack in memory as their first act, and
// of what the bytes are a multiple. The second is that of AssemblyScript, which then looks
// whether there is room, here or in a function, and clears the bytes.
var prologues = []struct {
	instrs []string
	unit   uint64
}{
	{[]string{"global.get", "i32.const", "i32.sub", "local.tee", "global.set"}, 16},
	{[]string{"global.get", "i32.const", "i32.sub", "global.set", "global.get"}, 4},
	{[]string{"global.get", "i32.const", "i32.sub", "global.set", "call", "global.get"}, 4},
}

// takesStack returns the global that a function takes its bytes from, -1 if it does not
// begin like that.
func takesStack(in []wat.Instr) int {
search:
	for _, p := range prologues {
		if len(in) <= len(p.instrs) || in[1].Imm%p.unit != 0 {
			continue
		}
		for i, name := range p.instrs {
			if in[i].Op.String() != name || strings.HasPrefix(name, "global") && in[i].Imm != in[0].Imm {
				continue search
			}
		}
		return int(in[0].Imm)
	}
	return -1
}

// allocator returns malloc and free of a program, -1 if it lacks one of them.
func allocator(m *wat.Module) (malloc, free int) {
	find := func(name string, t wat.FuncType) int {
		for i, f := range m.Funcs {
			if f.Name == name && f.Import == nil && m.FuncTypeOf(wat.FuncID(i)).Equal(t) {
				return i
			}
		}
		for _, e := range m.Exports {
			if e.Name == name && e.Kind == wat.KindFunc && m.FuncTypeOf(wat.FuncID(e.Index)).Equal(t) {
				return int(e.Index)
			}
		}
		return -1
	}
	malloc = find("malloc", wat.FuncType{Params: []wat.ValType{wat.I32}, Results: []wat.ValType{wat.I32}})
	free = find("free", wat.FuncType{Params: []wat.ValType{wat.I32}})
	if malloc < 0 || free < 0 {
		return -1, -1
	}
	return malloc, free
}
