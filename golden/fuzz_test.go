package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// FuzzRewrite rewrites whatever is a valid module, text or binary, with assertions and
// without: all promises hold, nothing is an internal error, and wazero takes the result
// of what it took before.
//
//	go test ./golden -run '^$' -fuzz FuzzRewrite
func FuzzRewrite(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := fuzzModule(data)
		if m == nil {
			return
		}
		opts := fuzzOptions(m)
		source := m
		if m.Source.Binary {
			var err error
			if source, err = Load("dis.wat", wat.Print(m)); err != nil {
				t.Fatalf("the disassembly cannot be read: %v", err)
			}
		}
		for _, opts.Asserts = range []bool{false, true} {
			r, err := Promises(source, opts)
			if r == nil {
				refused(t, err)
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, r.Text)
			}
			if wazeroTakes(t, binary.Encode(source)) == nil {
				if err := wazeroTakes(t, binary.Encode(r.Module)); err != nil {
					t.Fatalf("%v\n%s", err, r.Text)
				}
			}
		}
	})
}

// addSeeds adds the cases, as text and as binary, and the modules of examples that
// are text.
func addSeeds(f *testing.F) {
	texts, err := filepath.Glob("../examples/testdata/*.wat")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range texts {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range cases {
		c, err := ReadCase(path)
		if err != nil {
			f.Fatal(err)
		}
		text := c.Member(memberIn)
		f.Add([]byte(text))
		if m, err := Load(path, text); err == nil {
			f.Add(binary.Encode(m))
		}
	}
}

// fuzzModule returns the module that data are, nil if they are none or a large one.
func fuzzModule(data []byte) *wat.Module {
	const mostBytes, mostLocals = 1 << 13, 1 << 10
	if len(data) > mostBytes {
		return nil
	}
	var m *wat.Module
	var err error
	if binary.IsBinary(string(data)) {
		m, err = binary.Decode("in.wasm", string(data))
	} else {
		m, err = wat.Parse("in.wat", string(data))
	}
	if err != nil || check.Module(m) != nil {
		return nil
	}
	locals := 0
	for _, fn := range m.Funcs {
		locals += fn.NumLocals()
	}
	if locals > mostLocals {
		return nil
	}
	return m
}

// fuzzOptions lets all imports suspend, or else all functions.
func fuzzOptions(m *wat.Module) rewrite.Options {
	for _, fn := range m.Funcs {
		if fn.Import != nil && fn.Import.Module != "asyncify" {
			return rewrite.Options{Suspend: []string{"*"}}
		}
	}
	return rewrite.Options{Lists: rewrite.Lists{Only: []string{"*"}}}
}

// refused fails if a module was refused for no reason of its own.
func refused(t *testing.T, err error) {
	errs := wat.Errors(err)
	if len(errs) == 0 {
		t.Fatal(err)
	}
	for _, e := range errs {
		if e.Code == rewrite.ErrInternal {
			t.Fatal(e.Detail())
		}
	}
}

// wazeroTakes returns why wazero does not take a module.
func wazeroTakes(t *testing.T, code []byte) error {
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2)
	rt := wazero.NewRuntimeWithConfig(t.Context(), config)
	defer rt.Close(t.Context())
	_, err := rt.CompileModule(t.Context(), code)
	return err
}
