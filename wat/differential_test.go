package wat_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eliben/watgo"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
	"github.com/watfiber/watfiber/wat/op"
)

// A sampleText is a module in the text format, valid or not.
type sampleText struct {
	where, text string
	invalid     bool // as the specification's suite says
}

// sampleTexts returns the texts of the tables in these tests, and those of the
// specification's scripts if they are there.
func sampleTexts(t *testing.T) []sampleText {
	t.Helper()
	var all []sampleText
	for _, group := range errorCases {
		for _, c := range group.cases {
			all = append(all, sampleText{where: group.about, text: c.text})
		}
	}
	all = append(all, sampleText{where: "everyName", text: everyName})
	dir := os.Getenv("WATFIBER_SPEC")
	if dir == "" {
		t.Log("WATFIBER_SPEC is not set: only the modules in these tests are compared")
		return all
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.wast"))
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := splitScript(string(src))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			for _, n := range append([]node{c}, c.list...) {
				m := moduleText{}
				if n.isList && n.head() == "module" && n.atom(1) != "instance" {
					m = moduleOf(n)
				}
				if m.form == formText || m.form == formQuote {
					where := fmt.Sprintf("%s:%d", filepath.Base(path), n.line())
					all = append(all, sampleText{where, m.text, c.head() == "assert_invalid"})
				}
			}
		}
	}
	return all
}

// inModule puts the parentheses of a module around bare fields.
func inModule(text string) string {
	nodes, err := splitScript(text)
	if err == nil && len(nodes) == 1 && nodes[0].head() == "module" {
		return text
	}
	return "(module " + text + "\n)"
}

// outOfScope reports whether the reason for an error is that a feature came after
// WebAssembly 2.0.
func outOfScope(err error) bool {
	for _, e := range wat.Errors(err) {
		if strings.Contains(e.Error(), "no part of WebAssembly 2.0") || strings.Contains(e.Msg, "of WebAssembly 2.0 has one at most") ||
			strings.Contains(e.Msg, "constant expressions see imported globals only") {
			return true
		}
	}
	return false
}

// watgo, an implementation by other people, finds the same modules valid, of those
// that are well formed. (Its text parser takes a lot that is not.)
func TestDifferentialWatgo(t *testing.T) {
	t.Parallel()
	valid, invalid := 0, 0
	for _, s := range sampleTexts(t) {
		m, err := wat.Parse("in.wat", s.text)
		if err != nil {
			continue
		}
		ours, theirs := check.Module(m), watgoRefuses(s.text)
		switch {
		case ours != nil && (s.invalid || strings.Contains(fmt.Sprint(ours), "duplicate export name")):
			invalid++ // watgo overlooks some
		case (ours == nil) != (theirs == nil) && !outOfScope(ours):
			t.Errorf("%s:\nours:  %v\nwatgo: %v\n%s", s.where, ours, theirs, s.text)
		case ours == nil:
			valid++
			if diff := compareWithWatgo(m); diff != "" {
				t.Errorf("%s: %s\n%s", s.where, diff, s.text)
			}
		default:
			invalid++
		}
	}
	t.Logf("%d valid modules, %d invalid ones", valid, invalid)
}

// watgoRefuses returns why watgo does not take a text. It panics at times.
func watgoRefuses(text string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("watgo panics: %v", p)
		}
	}()
	m, err := watgo.ParseWAT([]byte(inModule(text)))
	if err != nil {
		return err
	}
	return watgo.ValidateModule(m)
}

// compareWithWatgo says how a module differs after watgo read and wrote it. It
// does so with all but active element segments of expressions, which watgo does
// not read.
func compareWithWatgo(m *wat.Module) string {
	if slices.ContainsFunc(m.Elems, func(e *wat.Elem) bool { return e.Exprs && e.Mode == wat.Active }) {
		return ""
	}
	theirs, err := watgo.DecodeWASM([]byte(bare(m)))
	if err == nil {
		err = watgo.ValidateModule(theirs)
	}
	if err != nil {
		return fmt.Sprintf("watgo refuses the encoded module: %v", err)
	}
	again, err := watgo.EncodeWASM(theirs)
	if err != nil {
		return fmt.Sprintf("watgo cannot write it: %v", err)
	}
	back, err := decode("watgo.wasm", string(again))
	if err != nil {
		return fmt.Sprintf("what watgo writes is refused: %v", err)
	}
	if got, want := plainForm(back), plainForm(m); got != want {
		return firstDifference([]byte(got), []byte(want))
	}
	return ""
}

// plainForm returns the bare binary of m in the one of several forms that is the
// shortest: types of blocks without an index, elements as functions.
func plainForm(m *wat.Module) string {
	m = mustForm(bare(m))
	for _, f := range m.Funcs {
		if f.Import != nil {
			continue
		}
		b := f.Body()
		for i, in := range b.Instrs {
			if in.Op.Info().Imm != op.BlockType {
				continue
			}
			switch t := m.BlockTypeOf(wat.BlockType(in.Imm)); {
			case len(t.Params) == 0 && len(t.Results) == 0:
				b.Instrs[i].Imm = 0
			case len(t.Params) == 0 && len(t.Results) == 1:
				b.Instrs[i].Imm = uint64(wat.BlockOf(t.Results[0]))
			}
		}
		f.SetBody(b)
	}
	for _, e := range m.Elems {
		onlyFuncs := !slices.ContainsFunc(e.Items, func(b wat.Body) bool { return b.Instrs[0].Op != op.RefFunc })
		if e.Exprs && e.Type == wat.FuncRef && onlyFuncs {
			for _, item := range e.Items {
				e.Funcs = append(e.Funcs, wat.FuncID(item.Instrs[0].Imm))
			}
			e.Exprs = false
		}
	}
	return string(binary.Encode(m))
}

func mustForm(code string) *wat.Module {
	m, err := binary.Decode("in.wasm", code)
	if err != nil {
		panic(err) // it was encoded from a valid module
	}
	return m
}

// wabtComments is a module with line comments that end in a carriage return, which
// wat2wasm takes for a part of the comment.
const wabtComments = "comments.wast:83"

// wat2wasm makes the same binary of the texts that it takes.
func TestDifferentialWat2wasm(t *testing.T) {
	t.Parallel()
	needTool(t, "wat2wasm")
	dir := t.TempDir()
	same, refused := 0, 0
	for _, s := range sampleTexts(t) {
		m, err := parse("in.wat", s.text)
		if err != nil {
			continue
		}
		in, out := filepath.Join(dir, "in.wat"), filepath.Join(dir, "out.wasm")
		if err := os.WriteFile(in, []byte(s.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if exec.Command("wat2wasm", in, "--enable-extended-const", "--enable-annotations", "-o", out).Run() != nil {
			refused++ // quoted identifiers, for instance
			continue
		}
		code, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if theirs, ours := plainForm(mustDecode(t, string(code))), plainForm(m); theirs != ours && s.where != wabtComments {
			t.Errorf("%s: %s\n%s", s.where, firstDifference([]byte(theirs), []byte(ours)), s.text)
		}
		same++
	}
	t.Logf("%d binaries compared, %d texts are too new for wat2wasm", same, refused)
}

// calculates reports whether a constant expression adds or multiplies, which not
// every version of node takes.
func calculates(m *wat.Module) bool {
	return slices.ContainsFunc(m.Globals, func(g *wat.Global) bool { return len(g.Init.Instrs) > 1 }) ||
		slices.ContainsFunc(m.Elems, func(e *wat.Elem) bool { return len(e.Offset.Instrs) > 1 }) ||
		slices.ContainsFunc(m.Datas, func(d *wat.Data) bool { return len(d.Offset.Instrs) > 1 })
}

// node takes every module that the checker lets through.
func TestDifferentialNode(t *testing.T) {
	t.Parallel()
	needTool(t, "node")
	dir := t.TempDir()
	where := map[string]string{}
	for i, s := range sampleTexts(t) {
		m, err := parse("in.wat", s.text)
		if err != nil || calculates(m) {
			continue
		}
		name := fmt.Sprintf("%d.wasm", i)
		where[name] = s.where + "\n" + s.text
		if err := os.WriteFile(filepath.Join(dir, name), binary.Encode(m), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	refused := runTool(t, "node", "-e", `
		for (const f of fs.readdirSync(process.argv[1]))
			if (!WebAssembly.validate(fs.readFileSync(process.argv[1] + "/" + f))) console.log(f)`, dir)
	for _, name := range strings.Fields(refused) {
		t.Errorf("node does not take the module of %s", where[name])
	}
	t.Logf("%d modules", len(where))
}
