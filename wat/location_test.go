package wat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
)

// A comment with a location holds up to the next one or the end of the function; an empty
// one, a string or a block comment that looks like one, and a malformed one do not count.
func TestLocation(t *testing.T) {
	const text = `(module
  ;;@ gone.c:1:1
  (memory 1) ;;@ f.c:3:0
  (func $f (param i32)
    (;
      ;;@ no.c:1:1
    ;)
    local.get 0
    drop
    ;;@ C:\src\f.c:5:7
    nop
    ;; ;;@ no.c:2:2
    nop
    ;;@ no location
    nop
    ;;@
    nop
    (drop
      ;;@ g.c:9:2:inlined
      (i32.const 1)))
  (func $g
    ;;@ g.c:0:0
    nop
    i32.const 2 ;;@ g.c:7:4
    drop)
  (data ";;@ no.c:3:3")
  (func $h (export "é") nop)
)`
	m, err := wat.Parse("m.wat", text)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]wat.Location{
		{
			{"f.c", 3, 0}, {"f.c", 3, 0}, {`C:\src\f.c`, 5, 7}, {`C:\src\f.c`, 5, 7}, {`C:\src\f.c`, 5, 7},
			{"m.wat", 17, 4}, {"g.c", 9, 2}, {"m.wat", 18, 5},
		},
		{{"m.wat", 23, 4}, {"m.wat", 24, 4}, {"g.c", 7, 4}},
		{{"m.wat", 27, 24}},
	}
	for id, f := range m.Funcs {
		var got []wat.Location
		for i := range f.Body().Instrs {
			got = append(got, m.Location(wat.FuncID(id), i))
		}
		if diff := cmp.Diff(want[id], got); diff != "" {
			t.Errorf("function %d (-want +got):\n%s", id, diff)
		}
	}
}

// Messages about an instruction say where it comes from, if the text does.
func TestLocationInMessages(t *testing.T) {
	_, err := wat.Parse("m.wat", "(module\n(func\n;;@ f.c:3:0\nnop\nnops)\n(func nops))")
	got := err.Error()
	for _, e := range wat.Errors(err)[1:] {
		got += "\n" + e.Error()
	}
	const want = "m.wat:5:1 (f.c:3): unknown instruction nops; did you mean nop? [WF103] (and 1 more errors)\n" +
		"m.wat:6:7: unknown instruction nops; did you mean nop? [WF103]"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
