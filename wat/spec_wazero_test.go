package wat_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// A machine runs the modules of one script on one engine of wazero.
type machine struct {
	engine  string
	runtime wazero.Runtime
	byID    map[string]api.Module // by $id in the script
	byName  map[string]api.Module // as imports name them
	current api.Module            // nil if it is not to be had
}

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst

// newMachines returns a machine for each engine that there is on this platform.
func newMachines(ctx context.Context) ([]*machine, error) {
	engines := []string{"interpreter"}
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" {
		engines = append(engines, "compiler")
	}
	var all []*machine
	for _, engine := range engines {
		config := wazero.NewRuntimeConfigInterpreter()
		if engine == "compiler" {
			config = wazero.NewRuntimeConfigCompiler()
		}
		m := &machine{
			engine: engine, runtime: wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features)),
			byID: map[string]api.Module{}, byName: map[string]api.Module{},
		}
		host, err := m.instantiate(ctx, spectest())
		if err != nil {
			return nil, fmt.Errorf("spectest: %w", err)
		}
		m.byName["spectest"] = host
		all = append(all, m)
	}
	return all, nil
}

// spectest returns the module that scripts import from.
func spectest() []byte {
	m, err := wat.Parse("spectest.wat", `(module
	  (global (export "global_i32") i32 i32.const 666)
	  (global (export "global_i64") i64 i64.const 666)
	  (global (export "global_f32") f32 f32.const 666.6)
	  (global (export "global_f64") f64 f64.const 666.6)
	  (table (export "table") 10 20 funcref)
	  (memory (export "memory") 1 2)
	  (func (export "print"))
	  (func (export "print_i32") (param i32))
	  (func (export "print_i64") (param i64))
	  (func (export "print_f32") (param f32))
	  (func (export "print_f64") (param f64))
	  (func (export "print_i32_f32") (param i32 f32))
	  (func (export "print_f64_f64") (param f64 f64)))`)
	if err != nil {
		panic(err)
	}
	return binary.Encode(m)
}

// instantiate makes code the current module; after an error there is none.
func (m *machine) instantiate(ctx context.Context, code []byte) (api.Module, error) {
	m.current = nil
	compiled, err := m.runtime.CompileModule(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	ctx = experimental.WithImportResolver(ctx, func(name string) api.Module { return m.byName[name] })
	module, err := m.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	m.current = module
	return module, nil
}

// errNotThere says that the script names a module or an export that is missing.
var errNotThere = errors.New("not there")

// act does (invoke $id? "name" argument…) or (get $id? "name").
func (m *machine) act(ctx context.Context, n node) ([]uint64, error) {
	module, rest := m.current, n.list[1:]
	if id := n.id(1); id != "" {
		module, rest = m.byID[id], n.list[2:]
	}
	if module == nil {
		return nil, fmt.Errorf("module %w", errNotThere)
	}
	name := strs(rest[:1])
	switch n.head() {
	case "get":
		g := module.ExportedGlobal(name)
		if g == nil {
			return nil, fmt.Errorf("global %q %w", name, errNotThere)
		}
		return []uint64{g.Get()}, nil
	case "invoke":
		f := module.ExportedFunction(name)
		if f == nil {
			return nil, fmt.Errorf("function %q %w", name, errNotThere)
		}
		var args []uint64
		for _, arg := range rest[1:] {
			words, err := argument(arg)
			if err != nil {
				return nil, err
			}
			args = append(args, words...)
		}
		return f.Call(ctx, args...)
	}
	return nil, fmt.Errorf("unknown action %s", n.head())
}

// trapTexts gives wazero's words for a trap, by how those of a script start.
var trapTexts = map[string]string{
	"unreachable":                   "unreachable",
	"integer divide by zero":        "integer divide by zero",
	"integer overflow":              "integer overflow",
	"invalid conversion to integer": "invalid conversion to integer",
	"out of bounds memory access":   "out of bounds memory access",
	"out of bounds table access":    "table",
	"undefined element":             "invalid table access",
	"uninitialized element":         "invalid table access",
	"indirect call type mismatch":   "indirect call type mismatch",
	"call stack exhausted":          "stack overflow",
}

// trapMatches reports whether err is the trap that a script expects.
func trapMatches(err error, want string) bool {
	for start, text := range trapTexts {
		if strings.HasPrefix(want, start) {
			return strings.Contains(err.Error(), text)
		}
	}
	return false
}
