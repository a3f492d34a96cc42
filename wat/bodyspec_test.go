package wat_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
	"github.com/watfiber/watfiber/wat/op"
)

// list returns the instructions of a body that the scanner read, in the form that
// flatten has.
func list(m *wat.Module, b *wat.Body) []string {
	var out []string
	for _, in := range b.Instrs {
		out = append(out, instrText(m, b, in))
	}
	return out
}

func instrText(m *wat.Module, b *wat.Body, in wat.Instr) string {
	word := in.Op.Info().Name
	label := func(l wat.Label) string {
		if l == wat.BodyLabel {
			return "body"
		}
		return strconv.Itoa(l.Opener())
	}
	first, second := in.Pair()
	switch info := in.Op.Info(); info.Imm {
	case op.None:
		return word
	case op.BlockType:
		return word + " " + m.BlockTypeOf(wat.BlockType(in.Imm)).String()
	case op.Label:
		return word + " " + label(wat.Label(in.Imm))
	case op.LabelTable:
		for _, w := range b.Words(in) {
			word += " " + label(wat.Label(w))
		}
		return word
	case op.Indirect:
		return fmt.Sprintf("%s %d %s", word, second, m.Types[first].FuncType)
	case op.TableCopy, op.MemoryCopy:
		return fmt.Sprintf("%s %d %d", word, first, second)
	case op.TableInit, op.MemoryInit:
		return fmt.Sprintf("%s %d of %d", word, first, second)
	case op.MemArg, op.MemArgLane:
		a := wat.MemArg(in.Imm)
		word += fmt.Sprintf(" memory %d offset %d align %d", a.Memory(), a.Offset(), 1<<a.Align())
		if info.Imm == op.MemArgLane {
			word += fmt.Sprint(" lane ", a.Lane())
		}
		return word
	case op.I32, op.I64, op.F32, op.F64:
		return fmt.Sprintf("%s %#x", word, in.Imm)
	case op.V128, op.Shuffle:
		lo, hi := b.Wide(in)
		return fmt.Sprintf("%s %#x %#x", word, lo, hi)
	case op.HeapType:
		return word + " " + wat.ValType(in.Imm).HeapTypeName()
	case op.Result:
		if in.Op != op.SelectT {
			return word
		}
		var t wat.FuncType
		for _, w := range b.Words(in) {
			t.Results = append(t.Results, wat.ValType(w))
		}
		return "select with " + t.String()
	}
	return fmt.Sprintf("%s %d", word, in.Imm) // an index
}

// compareBodies checks that grammar and scanner agree about all function bodies of
// a module. It returns how many there are.
func compareBodies(t *testing.T, where, text string) int {
	m, err := wat.Parse("in.wat", text)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return 0
	}
	s := spacesOf(m)
	problems := make([]string, len(m.Funcs))
	n := 0
	var work []int
	for i, f := range m.Funcs {
		if f.Import == nil {
			n++
			work = append(work, i)
		}
	}
	inParallel(len(work), func(k int) {
		f := m.Funcs[work[k]]
		read := f.Body()
		body := text[read.Span.Start:read.Span.End]
		want, err := flatten(m, s, f, body)
		if err != nil {
			problems[work[k]] = fmt.Sprintf("the grammar refuses %s: %v", wat.ID(f.Name), err)
		} else if got := list(m, read); strings.Join(got, "\n") != strings.Join(want, "\n") {
			problems[work[k]] = fmt.Sprintf("%s (-grammar +scanner):\n%s", wat.ID(f.Name), cmp.Diff(want, got))
		}
	})
	for _, p := range problems {
		if p != "" {
			t.Errorf("%s: %s", where, p)
		}
	}
	return n
}

func inParallel(n int, work func(i int)) {
	next := make(chan int)
	done := make(chan bool)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for i := range next {
				work(i)
			}
			done <- true
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		<-done
	}
}

// The scanner reads bodies as the grammar says: those of the tables in these
// tests,
func TestScannerFollowsGrammar(t *testing.T) {
	for _, c := range instructionAbbreviations {
		compareBodies(t, c.about, abbreviationContext+"(func "+c.short+")")
		compareBodies(t, c.about, abbreviationContext+"(func "+c.long+")")
	}
}

// of the golden files,
func TestScannerFollowsGrammarOnGoldens(t *testing.T) {
	files, _ := filepath.Glob("../golden/testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("there are no files golden/testdata/*.txtar")
	}
	n := 0
	for _, path := range files {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, member := range archive.Files {
			text := string(member.Data)
			if _, err := wat.Parse(member.Name, text); filepath.Ext(member.Name) != ".wat" || err != nil {
				continue // some cases are of texts that are refused
			}
			n += compareBodies(t, filepath.Base(path)+"/"+member.Name, text)
		}
	}
	t.Logf("%d functions", n)
}

// of binaries that are kept with the project,
func TestScannerFollowsGrammarOnBinaries(t *testing.T) {
	n := 0
	filepath.WalkDir("../examples", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".wasm" {
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			n += compareBodies(t, path, wat.Print(mustDecode(t, string(code))))
		}
		return nil
	})
	if n == 0 {
		t.Fatal("there are no files examples/**/*.wasm")
	}
	t.Logf("%d functions", n)
}

// of real modules, flat as Print writes them and folded as wasm-dis does,
func TestScannerFollowsGrammarOnCorpus(t *testing.T) {
	eachModule(t, func(t *testing.T, path, code string) {
		m, err := binary.Decode(path, code)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d functions", compareBodies(t, "printed", wat.Print(m)))
		needTool(t, "wasm-dis")
		t.Logf("%d functions folded", compareBodies(t, "disassembled", runTool(t, "wasm-dis", "--all-features", path)))
	})
}

// and of the specification's scripts.
func TestScannerFollowsGrammarOnSpec(t *testing.T) {
	if os.Getenv("WATFIBER_SPEC") == "" {
		t.Skip("WATFIBER_SPEC is not set: it names the directory with the .wast files of the WebAssembly specification")
	}
	n := 0
	for _, s := range sampleTexts(t) {
		m, err := wat.Parse("in.wat", s.text)
		if err != nil || strings.Contains(fmt.Sprint(check.Module(m)), "unknown type") {
			continue // types that do not exist cannot be listed
		}
		n += compareBodies(t, s.where, s.text)
	}
	t.Logf("%d functions", n)
}

// What the scanner refuses, the grammar refuses, and the other way round: bodies
// with mistakes in them.
func TestScannerAndGrammarRefuse(t *testing.T) {
	n := 0
	for _, group := range errorCases {
		if group.about != "instructions" && group.about != "blocks and labels" {
			continue
		}
		for _, c := range group.cases {
			body := strings.TrimSuffix(strings.TrimPrefix(c.text, "(func "), ")")
			m := mustParse(t, "(func $nope2)")
			_, scanner := wat.Parse("in.wat", "(func $nope2) (func "+body+")")
			_, grammar := flatten(m, spacesOf(m), m.Funcs[0], body)
			if (scanner == nil) != (grammar == nil) {
				t.Errorf("%s\nscanner: %v\ngrammar: %v", c.text, scanner, grammar)
			}
			n++
		}
	}
	t.Logf("%d bodies", n)
}
