package wit

import (
	"errors"
	"fmt"
	"strings"

	witlib "go.bytecodealliance.org/wit"

	"github.com/watfiber/watfiber/wat"
)

// A World is what a module may import.
type World struct {
	// Name is the name in full, such as wasi:cli/command@0.2.0.
	Name string

	modules   map[string]*module // by the name that functions are imported from
	resources map[string]bool    // resources that the world exports, as module and name
}

// module is an interface, or the functions of the world itself.
type module struct {
	funcs     map[string]*function
	resources map[string]bool
}

// function is a function of the world.
type function struct {
	typ     wat.FuncType
	returns wat.FuncType // the type of a call that returns at once
	waits   bool         // a call may suspend
}

// rootModule is where the functions of the world itself are imported from.
const rootModule = "$root"

func newWorld(w *witlib.World) (*World, error) {
	id := w.Package.Name
	id.Extension = w.Name
	r := &reader{
		world: &World{Name: id.String(), modules: map[string]*module{}, resources: map[string]bool{}},
		steps: map[*witlib.TypeDef]int{},
	}
	var err error
	w.Imports.All()(func(name string, item witlib.WorldItem) bool {
		err = r.item(name, item)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	w.Exports.All()(func(name string, item witlib.WorldItem) bool {
		if ref, ok := item.(*witlib.InterfaceRef); ok && ref.Interface != nil {
			from, _ := moduleName(name, ref.Interface)
			for resource := range resourcesOf(ref.Interface) {
				r.world.resources[from+" "+resource] = true
			}
		}
		return true
	})
	return r.world, nil
}

// reader reads a world.
type reader struct {
	world *World
	steps map[*witlib.TypeDef]int // how many it takes to look at a type
}

func (r *reader) module(name string) *module {
	if r.world.modules[name] == nil {
		r.world.modules[name] = &module{funcs: map[string]*function{}, resources: map[string]bool{}}
	}
	return r.world.modules[name]
}

// item reads something that the world imports.
func (r *reader) item(name string, item witlib.WorldItem) error {
	switch item := item.(type) {
	case *witlib.InterfaceRef:
		if item.Interface == nil {
			return fmt.Errorf("the interface %s is not there", name)
		}
		from, err := moduleName(name, item.Interface)
		if err != nil {
			return err
		}
		m := r.module(from)
		for resource := range resourcesOf(item.Interface) {
			m.resources[resource] = true
		}
		for f := range item.Interface.AllFunctions() {
			if err := r.function(m, from, f); err != nil {
				return err
			}
		}
	case *witlib.Function:
		return r.function(r.module(rootModule), rootModule, item)
	case *witlib.TypeDef:
		if resource(item) != nil {
			r.module(rootModule).resources[name] = true
		}
	}
	return nil
}

// moduleName returns the name of the core module that stands for an interface: that of
// the interface in full, or of the import if it is written in the world.
func moduleName(name string, i *witlib.Interface) (string, error) {
	if i.Name == nil {
		return name, nil
	}
	if i.Package == nil {
		return "", fmt.Errorf("the interface %s is of no package", *i.Name)
	}
	id := i.Package.Name
	id.Extension = *i.Name
	return id.String(), nil
}

func resourcesOf(i *witlib.Interface) map[string]bool {
	names := map[string]bool{}
	i.TypeDefs.All()(func(name string, t *witlib.TypeDef) bool {
		if resource(t) != nil {
			names[name] = true
		}
		return true
	})
	return names
}

// resource returns the resource that a type is, by whatever name, nil if it is none.
func resource(t *witlib.TypeDef) *witlib.TypeDef {
	for range maxDepth {
		if t == nil {
			return nil
		}
		switch k := t.Kind.(type) {
		case *witlib.TypeDef:
			t = k
		case *witlib.Resource:
			return t
		default:
			return nil
		}
	}
	return nil
}

func (r *reader) function(m *module, from string, f *witlib.Function) error {
	if f == nil {
		return fmt.Errorf("a function of %s is not there", from)
	}
	if len(f.Results) == 1 && f.Results[0].Type == nil {
		f.Results = nil
	}
	total := 0
	for _, list := range [][]witlib.Param{f.Params, f.Results} {
		for _, p := range list {
			n, err := r.count(p.Type, 0)
			if err == nil && total+n > maxSteps {
				err = errors.New("its type is too large")
			}
			if err != nil {
				return fmt.Errorf("%s of %s: %w", f.Name, from, err)
			}
			total += n
		}
	}
	name, async := plainName(f)
	m.funcs[name] = &function{typ: coreType(f), returns: asyncType(f), waits: async || waits(f, name)}
	return nil
}

// plainName returns the name of a function without the mark that it is async, which some
// versions of wasm-tools put into the name, and whether it is. Others say it by a kind
// that the library does not know.
func plainName(f *witlib.Function) (name string, async bool) {
	name = unmarked(f.Name)
	return name, name != f.Name || f.Kind == nil
}

func unmarked(name string) string {
	if rest, ok := strings.CutPrefix(name, "[async]"); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(name, "[async "); ok {
		return "[" + rest
	}
	return name
}

// Bounds of types: how deep they are nested, and how many steps it takes to look at all
// types of a function. A record of two records of two records and so on has few lines
// and no end.
const (
	maxDepth = 100
	maxSteps = 10_000
)

// count returns how many steps it takes to look at a type.
func (r *reader) count(t witlib.Type, depth int) (int, error) {
	def, ok := t.(*witlib.TypeDef)
	switch {
	case t == nil || ok && (def == nil || def.Kind == nil):
		return 0, errors.New("a type in it is not known")
	case !ok:
		return 1, nil
	case r.steps[def] > 0:
		return r.steps[def], nil
	case depth > maxDepth:
		return 0, errors.New("its type is nested too deep")
	}
	sum := 1
	for _, part := range parts(def) {
		n, err := r.count(part, depth+1)
		if err != nil {
			return 0, err
		}
		if sum += n; sum > maxSteps {
			return 0, errors.New("its type is too large")
		}
	}
	r.steps[def] = sum
	return sum, nil
}

// parts returns the types that a type consists of; those of a resource or of what it
// is a handle to are none of it.
func parts(t *witlib.TypeDef) []witlib.Type {
	var all []witlib.Type
	add := func(t witlib.Type) {
		if t != nil {
			all = append(all, t)
		}
	}
	switch k := t.Kind.(type) {
	case *witlib.TypeDef:
		add(k)
	case *witlib.Record:
		for _, f := range k.Fields {
			all = append(all, f.Type) // nil is an error
		}
	case *witlib.Tuple:
		all = append(all, k.Types...)
	case *witlib.Variant:
		for _, c := range k.Cases {
			add(c.Type)
		}
	case *witlib.Option:
		all = append(all, k.Type)
	case *witlib.Result:
		add(k.OK)
		add(k.Err)
	case *witlib.List:
		all = append(all, k.Type)
	}
	return all
}

// coreType returns the type of the core function that the canonical ABI lowers a
// function to.
func coreType(f *witlib.Function) wat.FuncType {
	core := f.CoreFunction(witlib.Imported)
	return wat.FuncType{Params: coreTypes(core.Params), Results: coreTypes(core.Results)}
}

func coreTypes(params []witlib.Param) []wat.ValType {
	var types []wat.ValType
	for _, p := range params {
		types = append(types, coreValue(p.Type))
	}
	return types
}

// coreValue returns the type of a flattened value: what is no number is an address.
func coreValue(t witlib.Type) wat.ValType {
	switch t.(type) {
	case witlib.U64, witlib.S64:
		return wat.I64
	case witlib.F32:
		return wat.F32
	case witlib.F64:
		return wat.F64
	}
	return wat.I32
}

// maxAsyncParams is how many values a function takes that returns at once.
const maxAsyncParams = 4

// asyncType returns the type of the core function for a call that returns at once: it
// takes few parameters or their address, and the address for the results, and returns
// the state of the call.
func asyncType(f *witlib.Function) wat.FuncType {
	var params []wat.ValType
	for _, p := range f.Params {
		for _, t := range p.Type.Flat() {
			params = append(params, coreValue(t))
		}
	}
	if len(params) > maxAsyncParams {
		params = []wat.ValType{wat.I32}
	}
	for _, p := range f.Results {
		if len(p.Type.Flat()) > 0 {
			params = append(params, wat.I32)
			break
		}
	}
	return wat.FuncType{Params: params, Results: []wat.ValType{wat.I32}}
}
