package op_test

import (
	"strings"
	"testing"

	"github.com/watfiber/watfiber/wat/op"
)

// Every row is found by its mnemonic and by its opcode, and its columns fit
// together.
func TestTable(t *testing.T) {
	codes := map[op.Code]string{}
	names := map[string]int{}
	for info := range op.All {
		if other, dup := codes[info.Code]; dup {
			t.Errorf("%s and %s have the same opcode", other, info.Name)
		}
		codes[info.Code] = info.Name
		names[info.Name]++
		if got := info.Code.Info(); got != info {
			t.Errorf("the opcode of %s leads to another row: %v", info.Name, got)
		}
		code, ok := op.Lookup(info.Name)
		if !ok || code != info.Code && info.Code != op.SelectT {
			t.Errorf("Lookup(%s) = %v, %v", info.Name, code, ok)
		}
		if prefix, number := info.Code.Prefix(); prefix != 0 && op.Prefixed(prefix, number) != info.Code {
			t.Errorf("the prefix of %s is lost", info.Name)
		}
		checkColumns(t, info)
	}
	// Only select has two forms, by whether it names its type.
	for name, n := range names {
		if n != 1 && (name != "select" || n != 2) {
			t.Errorf("%d rows for %s", n, name)
		}
	}
	// 172 of 1.0, 5 sign extensions, 8 saturating conversions, 7 bulk instructions,
	// 9 for references and tables, 236 for vectors.
	if len(codes) != 172+5+8+7+9+236 {
		t.Errorf("the table has %d opcodes", len(codes))
	}
}

func checkColumns(t *testing.T, info *op.Info) {
	t.Helper()
	if info.Fixed() {
		if s := strings.Trim(info.In+info.Out, "ilfdva"); s != "" {
			t.Errorf("%s has operands of unknown types %q", info.Name, s)
		}
	}
	isMemory := info.Imm == op.MemArg || info.Imm == op.MemArgLane
	if isMemory != (strings.HasPrefix(info.In, "a") && strings.ContainsAny(info.Name, ".") && info.Size > 0) {
		t.Errorf("%s: immediates, operands and size do not fit", info.Name)
	}
	if info.Effect == op.Test && !(info.Out == "i" || info.Code == op.RefIsNull) {
		t.Errorf("%s is a test and has the result %q", info.Name, info.Out)
	}
	if reads := isMemory && info.Out != ""; reads != (info.Effect == op.Reads) {
		t.Errorf("%s: reads memory %t, effect %d", info.Name, reads, info.Effect)
	}
	for _, word := range []string{"load", "store", "div_s", "div_u", "rem_s", "rem_u", "memory.", "table.", "global.", "call", "br"} {
		isVectorDiv := strings.HasSuffix(info.Name, ".div") // of floats, which does not trap
		if strings.Contains(info.Name, word) && !isVectorDiv && info.Pure() {
			t.Errorf("%s counts as pure", info.Name)
		}
	}
}

// An opcode that is none says so, and is no row.
func TestUnknownCode(t *testing.T) {
	for _, c := range []op.Code{0x06, 0x27, 0xFF, op.Prefixed(0xFC, 18), op.Prefixed(0xFD, 0xFFF), op.Prefixed(0xFB, 0), op.Prefixed(0xFE, 0), 0xFFFF} {
		if c.Info() != nil {
			t.Errorf("%v is in the table", c)
		}
	}
	if got, want := op.Prefixed(0xFC, 18).String(), "opcode(0xfc 0x12)"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}
