package golden

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/watfiber/watfiber/rewrite"
	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// This file checks the promises about the output that do not need a run.

// Load reads a text and checks that it is a valid module.
func Load(name, text string) (*wat.Module, error) {
	m, err := wat.Parse(name, text)
	if err == nil {
		err = check.Module(m)
	}
	return m, err
}

// Promises rewrites a module that was text and returns the result with the first
// promise that it breaks: it strips to the normalised source; a second time, and
// from its own strip, it comes out the same; its text and its tree are the same
// valid module; functions without code are there byte for byte; and the binary of
// the module becomes the same code.
func Promises(source *wat.Module, opts rewrite.Options) (*rewrite.Result, error) {
	r, err := rewrite.Rewrite(source, opts)
	if err != nil {
		return nil, err
	}
	normal, err := rewrite.Normalised(source, opts)
	if err != nil {
		return nil, err
	}
	if stripped := wat.Strip(r.Text); stripped != normal {
		return r, fmt.Errorf("strip does not give the normalised source back:\n%s", udiff.Unified("normalised", "stripped", normal, stripped))
	}
	if err := sameAgain(source, opts, normal, r); err != nil {
		return r, err
	}
	if opts.After != "" {
		return r, nil
	}
	parsed, err := Load("out.wat", r.Text)
	if err != nil {
		return r, fmt.Errorf("the text of the result is not valid: %w", err)
	}
	if string(binary.Encode(parsed)) != string(binary.Encode(r.Module)) {
		return r, errors.New("the text and the tree of the result are not the same module")
	}
	if err := untouched(normal, r.Text, parsed); err != nil {
		return r, err
	}
	if len(source.Annotations) > 0 {
		return r, nil // which a binary does not keep
	}
	return r, sameFromBinary(source, opts, r)
}

// sameAgain checks that the result does not depend on the run, nor on whether the
// source was normalised.
func sameAgain(source *wat.Module, opts rewrite.Options, normal string, r *rewrite.Result) error {
	again, err := rewrite.Rewrite(source, opts)
	if err != nil {
		return fmt.Errorf("a second time: %w", err)
	}
	if again.Text != r.Text {
		return fmt.Errorf("a second time it comes out otherwise:\n%s", udiff.Unified("first", "second", r.Text, again.Text))
	}
	m, err := Load(source.Source.Name, normal)
	if err != nil {
		return fmt.Errorf("the normalised source is not valid: %w\n%s", err, normal)
	}
	if again, err = rewrite.Rewrite(m, opts); err != nil {
		return fmt.Errorf("from its own strip: %w", err)
	}
	if again.Text != r.Text {
		return fmt.Errorf("from its own strip it comes out otherwise:\n%s", udiff.Unified("first", "from strip", r.Text, again.Text))
	}
	return nil
}

// untouched checks that a function without inserted lines is there byte for byte.
func untouched(normal, out string, parsed *wat.Module) error {
	before, err := wat.Parse("normalised.wat", normal)
	if err != nil {
		return err
	}
	at := 0
	for id, f := range before.Funcs {
		if f.Import != nil {
			continue
		}
		text := normal[f.Span.Start:f.Span.End]
		g := parsed.Funcs[definedFrom(parsed)+id-definedFrom(before)]
		if strings.Contains(out[g.Span.Start:g.Span.End], wat.InsertMark) {
			continue
		}
		i := strings.Index(out[at:], text)
		if i < 0 {
			return fmt.Errorf("function %d %s got no code and was changed", id, wat.ID(f.Name))
		}
		at += i + len(text)
	}
	return nil
}

// definedFrom returns the first function with a body.
func definedFrom(m *wat.Module) int {
	for id, f := range m.Funcs {
		if f.Import == nil {
			return id
		}
	}
	return len(m.Funcs)
}

// sameFromBinary checks that the binary of the source becomes the same code as its
// text.
func sameFromBinary(source *wat.Module, opts rewrite.Options, r *rewrite.Result) error {
	m, err := binary.Decode("in.wasm", string(binary.Encode(source)))
	if err != nil {
		return fmt.Errorf("the binary of the source cannot be read: %w", err)
	}
	opts.Lines = func(id wat.FuncID, instr int) (string, int) { // as the text says by itself
		line, _ := source.Source.Line(int(source.Funcs[id].Body().Instrs[instr].Pos))
		return source.Source.Name, line
	}
	b, err := rewrite.Rewrite(m, opts)
	if err != nil {
		return fmt.Errorf("from the binary: %w", err)
	}
	if withoutCustoms(binary.Encode(b.Module)) != withoutCustoms(binary.Encode(r.Module)) {
		return fmt.Errorf("the binary of the source becomes other code than the text:\n%s",
			udiff.Unified("from text", "from binary", wat.Print(r.Module), wat.Print(b.Module)))
	}
	for id, f := range r.Module.Funcs {
		if !strings.HasPrefix(f.Name, "fiber.hot.") {
			continue
		}
		g := b.Module.Funcs[id]
		want, got := namedLocals(r.Module, wat.FuncID(id)), namedLocals(b.Module, wat.FuncID(id))
		if g.Name != f.Name || !slices.Equal(got, want) {
			return fmt.Errorf("from the binary %s has other names: %s, with the locals %v, not %v", f.Name, g.Name, got, want)
		}
	}
	return nil
}

// namedLocals returns the names of locals that a binary keeps: those that a disassembly
// would not choose by itself.
func namedLocals(m *wat.Module, id wat.FuncID) []wat.LocalName {
	params := len(m.FuncTypeOf(id).Params)
	return slices.DeleteFunc(slices.Clone(m.Funcs[id].LocalNames), func(l wat.LocalName) bool {
		return l.Name == wat.DefaultLocal(int(l.Local), params)
	})
}

// withoutCustoms returns a binary module without its custom sections.
func withoutCustoms(module []byte) string {
	const header, custom = 8, 0
	var b strings.Builder
	for at := header; at < len(module); {
		start, id := at, module[at]
		at++
		size := 0
		for shift := 0; ; shift += 7 {
			size |= int(module[at]&0x7F) << shift
			at++
			if module[at-1] < 0x80 {
				break
			}
		}
		at += size
		if id != custom {
			b.Write(module[start:at])
		}
	}
	return b.String()
}
