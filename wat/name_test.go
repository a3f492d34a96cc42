package wat_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// Names as the name section has them, as the tree keeps them, and as the text
// writes them; each is found again from each other.
func TestNameForms(t *testing.T) {
	for _, c := range []struct{ text, name, id string }{
		{"main", "main", "$main"},
		{"*Array(Int32)@Indexable#each<&Proc>:Nil", "*Array(Int32)@Indexable#each<&Proc>:Nil", `$"*Array(Int32)@Indexable#each<&Proc>:Nil"`},
		{"two words", "two words", `$"two words"`},
		{`say "hi"`, `say "hi"`, `$"say \"hi\""`},
		{"größer", "größer", `$"größer"`},
		{"line\nbreak\x01", "line\nbreak\x01", `$"line\0abreak\01"`},
		{`back\slash`, `back\slash`, `$back\slash`},
		{`back\28slash`, `back\5c28slash`, `$back\5c28slash`},
		{`C:\00\ `, `C:\5c00\ `, `$"C:\\00\\ "`},
	} {
		if got := wat.NameOf(c.text); got != c.name {
			t.Errorf("NameOf(%q) = %q, want %q", c.text, got, c.name)
		}
		if got := wat.NameText(c.name); got != c.text {
			t.Errorf("NameText(%q) = %q, want %q", c.name, got, c.text)
		}
		if got := wat.ID(c.name); got != c.id {
			t.Errorf("ID(%q) = %s, want %s", c.name, got, c.id)
		}
		m := mustParse(t, "(func "+c.id+")")
		if got := m.Funcs[0].Name; got != c.name {
			t.Errorf("%s is read as the name %q, want %q", c.id, got, c.name)
		}
	}
}

// Identifiers as disassemblers of before quoted identifiers write them keep their
// spelling in the text, and have the characters they mean in a binary.
func TestEscapedIdentifiers(t *testing.T) {
	m := mustParse(t, `(func $Array\28Int32\29#size)`)
	if got, want := wat.ID(m.Funcs[0].Name), `$Array\28Int32\29#size`; got != want {
		t.Errorf("the identifier is %s, want %s", got, want)
	}
	m = mustDecode(t, string(binary.Encode(m)))
	if got, want := m.Funcs[0].Name, "Array(Int32)#size"; got != want {
		t.Errorf("the name section has %q, want %q", got, want)
	}
	// Bytes that are no text stay as they are spelled.
	if got, want := wat.NameText(`x\ff`), `x\ff`; got != want {
		t.Errorf(`NameText(x\ff) = %q, want %q`, got, want)
	}
}

// everyName is a module in which everything that can have a name has one.
const everyName = `(module $mod
  (type $sig (func (param i32) (result i32)))
  (import "env" "f" (func $imported (type $sig) (param $given i32) (result i32)))
  (import "env" "g" (global $config i32))
  (func $own (type $sig) (param $x i32) (result i32)
    (local i64) (local $"a b" f32)
    block $out
      loop $again
        br $out
      end $again
    end $out
    local.get $x
  )
  (table $tab 1 funcref)
  (memory $mem 1)
  (global $count (mut i32) (i32.const 0))
  (elem $refs declare func $own)
  (data $text "x")
)
`

// The name section keeps every name there is.
func TestNameSection(t *testing.T) {
	m := mustDecode(t, string(binary.Encode(mustParse(t, everyName))))
	got := map[string]string{
		"module": m.Name, "type": m.Types[0].Name, "import": m.Funcs[0].Name, "parameter of an import": m.Funcs[0].LocalName(0),
		"function": m.Funcs[1].Name, "parameter": m.Funcs[1].LocalName(0), "local": m.Funcs[1].LocalName(2),
		"local without": m.Funcs[1].LocalName(1), "block": m.Funcs[1].Body().LabelName(0), "loop": m.Funcs[1].Body().LabelName(1),
		"table": m.Tables[0].Name, "memory": m.Memories[0].Name, "imported global": m.Globals[0].Name,
		"global": m.Globals[1].Name, "elem": m.Elems[0].Name, "data": m.Datas[0].Name,
	}
	want := map[string]string{
		"module": "mod", "type": "sig", "import": "imported", "parameter of an import": "given",
		"function": "own", "parameter": "x", "local": "a b", "local without": "", "block": "out", "loop": "again",
		"table": "tab", "memory": "mem", "imported global": "config", "global": "count", "elem": "refs", "data": "text",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := roundTrip(m); err != nil {
		t.Error(err)
	}
}

// What Print makes up for things without a name is not taken for a name when the
// text comes back: no names, no name section.
func TestDefaultNamesAreNotKept(t *testing.T) {
	m := mustParse(t, `(func (param i32) (local i64) (block (br 0)) (call 1 (local.get 0))) (func (param i32)) (global i32 (i32.const 0))`)
	text := wat.Print(mustDecode(t, string(binary.Encode(m))))
	for _, want := range []string{"(func $f0", "(param $p0 i32)", "(local $l1 i64)", "block $L1", "(global $g0", "(type $t0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text has no %s:\n%s", want, text)
		}
	}
	if a, b := binary.Encode(mustParse(t, text)), binary.Encode(m); string(a) != string(b) {
		t.Errorf("the printed text has names: %s", firstDifference(a, b))
	}
}

// A name section may have the same name twice, and names that look like those
// that Print makes up; in the text each is unique.
func TestNamesBecomeUnique(t *testing.T) {
	m := mustParse(t, `(func $a (param $x i32) (local $y i32)) (func $b) (func $c) (func)`)
	m.Funcs[1].Name = "a"  // twice
	m.Funcs[2].Name = "f3" // what the last would be called
	m.Funcs[0].LocalNames[1].Name = "x"
	names := m.Names()
	if diff := cmp.Diff([]string{"a", "a.1", "f3", "f3.1"}, names.Funcs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := wat.Print(m); !strings.Contains(text, "(local $x.1 i32)") {
		t.Errorf("the two locals have one name:\n%s", text)
	}
}

// A function without a name goes by its import or export.
func TestNameHints(t *testing.T) {
	m := mustParse(t, `(import "env" "yield" (func)) (func (export "run it")) (global (export "g") i32 (i32.const 0)) (func)`)
	names := m.Names()
	if diff := cmp.Diff([]string{"env.yield", "run it", "f2"}, names.Funcs); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"g"}, names.Globals); diff != "" {
		t.Errorf("globals (-want +got):\n%s", diff)
	}
	if err := roundTrip(m); err != nil {
		t.Error(err)
	}
}
