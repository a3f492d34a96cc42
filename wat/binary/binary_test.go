package binary_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
)

// module returns a binary with these sections, which are given in hexadecimal.
func module(t *testing.T, sections string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(sections, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return binary.Magic + "\x01\x00\x00\x00" + string(b)
}

// Binaries that break a rule of the format, and what is said about them.
func TestMalformed(t *testing.T) {
	const typeAndFunc = "01 04 01 60 00 00 03 02 01 00" // (func)
	for _, c := range []struct{ about, sections, want string }{
		{"a section longer than the file", "01 05 01", "0x8: length out of bounds: section 1 has 5 bytes, 1 are left"},
		{"a section that does not exist", "0d 01 00", "0x8: malformed section id 13; exceptions are no part of WebAssembly 2.0"},
		{"sections in the wrong order", "03 01 00 01 01 00", "0xb: unexpected content after last section: section 1 is out of order"},
		{"a section twice", "01 01 00 01 01 00", "0xb: unexpected content after last section: section 1 is out of order"},
		{"bytes behind the contents of a section", "01 02 00 00", "0xb: section size mismatch: 1 bytes of section 1 are left over"},
		{"contents that end in the middle", "01 02 01 60", "0xc: unexpected end"},
		{"a number too long", "01 06 80 80 80 80 80 00", "0xa: integer representation too long"},
		{"a number too large", "01 05 80 80 80 80 10", "0xa: integer too large"},
		{"a count that cannot be", "01 05 ff ff ff ff 0f", "0xa: unexpected end: 4294967295 types in 0 bytes"},
		{"a type of another form", "01 04 01 5f 00 00", "0xb: unknown form of type 0x5f; garbage-collected types are no part of WebAssembly 2.0"},
		{"a value type that is none", "01 05 01 60 01 6e 00", "0xd: malformed value type 0x6e; garbage-collected types are no part of WebAssembly 2.0"},
		{"a table of numbers", "04 04 01 7f 00 00", "0xb: malformed reference type 0x7f"},
		{"limits of later versions", "05 03 01 04 00", "0xb: malformed limits flags 0x04; memories and tables with 64-bit addresses are no part of WebAssembly 2.0"},
		{"a mutability that is none", "06 05 01 7f 02 41 00", "0xc: malformed mutability 0x02"},
		{"an import of a kind that is none", "02 05 01 00 00 04 00", "0xd: malformed import kind 0x04; exceptions are no part of WebAssembly 2.0"},
		{"an export of a kind that is none", "07 04 01 00 04 00", "0xc: malformed export kind 0x04"},
		{"a name that is no text", "07 05 01 01 ff 00 00", "0xb: malformed UTF-8 encoding"},
		{"an element segment of a kind that is none", "09 02 01 08", "0xb: malformed elements segment kind 8"},
		{"elements of a kind that is none", "09 04 01 01 01 00", "0xc: malformed element kind 0x01"},
		{"a data segment of a kind that is none", "0b 02 01 03", "0xb: malformed data segment kind 3"},
		{"fewer data segments than announced", "0c 01 02 0b 03 01 01 00", "0xd: data count and data section have inconsistent lengths: 2 and 1"},
		{"data segments announced, none there", "0c 01 01", "0xb: data count and data section have inconsistent lengths: 1 and 0"},
		{"functions without code", typeAndFunc, "0x12: function and code section have inconsistent lengths: 1 functions, no code section"},
		{"fewer bodies than functions", typeAndFunc + "0a 01 00", "0x14: function and code section have inconsistent lengths: 1 and 0"},
		{"a body longer than the section", typeAndFunc + "0a 03 01 05 00", "0x15: unexpected end: a function body of 5 bytes, 1 are left"},
		{"a body without end", typeAndFunc + "0a 04 01 02 00 01", "0x18: unexpected end"},
		{"bytes behind the end of a body", typeAndFunc + "0a 05 01 03 00 0b 01", "0x18: END opcode expected: 1 bytes behind the end of the function"},
		{"more locals than a function may have", typeAndFunc + "0a 09 01 07 01 ff ff ff 7f 7f 0b", "0x17: too many locals: 268435455"},
		{"an opcode that is none", typeAndFunc + "0a 05 01 03 00 06 0b", "0x17: illegal opcode 0x06; exceptions are no part of WebAssembly 2.0"},
		{"an opcode behind a prefix that is none", typeAndFunc + "0a 06 01 04 00 fc 12 0b", "0x17: illegal opcode 0xfc 18"},
		{"an opcode behind a prefix that cannot be", typeAndFunc + "0a 08 01 06 00 fd 80 80 04 0b", "0x17: illegal opcode 0xfd 65536; relaxed vector instructions are no part of WebAssembly 2.0"},
		{"an instruction of a later version", typeAndFunc + "0a 06 01 04 00 12 00 0b", "0x17: illegal opcode 0x12; tail calls are no part of WebAssembly 2.0"},
		{"an else without an if", typeAndFunc + "0a 05 01 03 00 05 0b", "0x17: END opcode expected: else without if"},
		{"two elses", typeAndFunc + "0a 09 01 07 00 04 40 05 05 0b 0b", "0x1a: END opcode expected: else without if"},
		{"a label that is not there", typeAndFunc + "0a 06 01 04 00 0c 01 0b", "0x18: unknown label 1, 0 blocks are open here"},
		{"a block type that is none", typeAndFunc + "0a 07 01 05 00 02 41 0b 0b", "0x18: malformed value type 0x41"},
		{"a block type in too many bytes", typeAndFunc + "0a 08 01 06 00 02 c0 7f 0b 0b", "0x18: malformed block type"},
		{"a memory index where there is a zero", typeAndFunc + "0a 06 01 04 00 3f 01 0b", "0x18: zero byte expected"},
		{"an alignment of later versions", typeAndFunc + "0a 07 01 05 00 28 40 00 0b", "0x18: malformed memop flags 0x40"},
		{"data.drop without a data count", typeAndFunc + "0a 07 01 05 00 fc 09 00 0b", "0x19: data count section required"},
		{"two bad bodies", "01 04 01 60 00 00 03 03 02 00 00 0a 07 02 03 00 06 0b 05 00", "0x18: illegal opcode 0x06; exceptions are no part of WebAssembly 2.0"},
		{"a constant cut off", typeAndFunc + "0a 06 01 04 00 44 00 00", "0x18: unexpected end: a constant of 8 bytes, 2 are left"},
	} {
		_, err := binary.Decode("in.wasm", module(t, c.sections))
		if want := "in.wasm:" + c.want + " [WF301]"; fmt.Sprint(err) != want && strings.Replace(fmt.Sprint(err), "WF104", "WF301", 1) != want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.about, err, want)
		}
	}
}

// What is no binary module at all.
func TestNotAModule(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"", "in.wasm:0x0: magic header not detected [WF301]"},
		{"\x00as", "in.wasm:0x0: magic header not detected [WF301]"},
		{"(module)", "in.wasm:0x0: magic header not detected [WF301]"},
		{"\x00asm", "in.wasm:0x4: unexpected end: the version of 4 bytes, 0 are left [WF301]"},
		{"\x00asm\x0d\x00\x01\x00", "in.wasm:0x4: unknown binary version; components are no part of WebAssembly 2.0 [WF301]"},
	} {
		if _, err := binary.Decode("in.wasm", c.data); fmt.Sprint(err) != c.want {
			t.Errorf("%q:\ngot  %v\nwant %s", c.data, err, c.want)
		}
	}
}

// custom returns a custom section.
func custom(name, contents string) string {
	return fmt.Sprintf("00 %02x %02x %x %x", 1+len(name)+len(contents), len(name), name, contents)
}

// Custom sections that would not be true of a new binary are left out, with a
// note; the others stay.
func TestStaleCustomSections(t *testing.T) {
	m, err := binary.Decode("in.wasm", module(t, custom("producers", "p")+custom(".debug_line", "x")+custom("sourceMappingURL", "x")+
		custom("metadata.code.branch_hint", "x")+custom("reloc.CODE", "x")+custom("linking", "x")+custom("build_id", "x")+custom("target_features", "t")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`custom section ".debug_line" is left out: it refers to the old code by offset`,
		`custom section "sourceMappingURL" is left out: it refers to the old code by offset`,
		`custom section "metadata.code.branch_hint" is left out: it refers to instructions by offset`,
		`custom section "reloc.CODE" is left out: it refers to the old sections by offset; this is an object file, link it first`,
		`custom section "linking" is left out: it refers to the old sections by offset; this is an object file, link it first`,
		`custom section "build_id" is left out: it names the old module`,
	}
	if diff := cmp.Diff(want, m.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	var kept []string
	for _, c := range m.Customs {
		kept = append(kept, c.Name+" "+c.Bytes)
	}
	if diff := cmp.Diff([]string{"producers p", "target_features t"}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// A malformed name section is no reason to refuse a module; what is good of it is
// used.
func TestMalformedNames(t *testing.T) {
	const function = "01 04 01 60 00 00 03 02 01 00 0a 04 01 02 00 0b"
	for _, c := range []struct{ about, names, name, note string }{
		{"good", "\x01\x04\x01\x00\x01f", "f", ""},
		{"a subsection that is not known", "\x20\x01x\x01\x04\x01\x00\x01f", "f", ""},
		{"an index out of range", "\x01\x04\x01\x05\x01f", "", "index 5 of a name is out of order or out of range"},
		{"an index twice", "\x01\x07\x02\x00\x01f\x00\x01g", "f", "index 0 of a name is out of order or out of range"},
		{"a name that is no text", "\x01\x04\x01\x00\x01\xff", "", "malformed UTF-8 encoding"},
		{"a module name that is no text", "\x00\x02\x01\xff\x01\x04\x01\x00\x01f", "", "malformed UTF-8 encoding"},
		{"a subsection twice", "\x01\x04\x01\x00\x01f\x01\x04\x01\x00\x01g", "f", "subsection 1 is there twice"},
		{"a subsection too long", "\x01\x09\x01\x00\x01f", "", "a subsection of 9 bytes, 4 are left"},
		{"a name too long", "\x01\x04\x01\x00\x09f", "", "unexpected end: a name of 9 bytes, 1 are left"},
		{"labels of a function without a body", "\x03\x06\x01\x00\x01\x00\x01l", "", "index 0 of a name is out of order or out of range"},
	} {
		m, err := binary.Decode("in.wasm", module(t, function+custom("name", c.names)))
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		if got := m.Funcs[0].Name; got != c.name {
			t.Errorf("%s: the function is called %q, want %q", c.about, got, c.name)
		}
		note := strings.Join(m.Notes, "\n")
		if !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
			t.Errorf("%s: note %q, want %q", c.about, note, c.note)
		}
	}
}

// Locals are grouped again, whatever groups the binary had.
func TestLocalGroups(t *testing.T) {
	m, err := binary.Decode("in.wasm", module(t, "01 04 01 60 00 00 03 02 01 00 0a 0e 01 0c 05 01 7f 02 7f 00 7e 01 7e 03 7f 0b"))
	if err != nil {
		t.Fatal(err)
	}
	want := []wat.LocalRun{{Count: 3, Type: wat.I32}, {Count: 1, Type: wat.I64}, {Count: 3, Type: wat.I32}}
	if diff := cmp.Diff(want, m.Funcs[0].Locals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Numbers are written in their shortest form, and read back.
func TestNumbersRoundTrip(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1<<31 - 1, -1 << 31, 1<<63 - 1, -1 << 63, 0x40_0000_0000} {
		text := fmt.Sprintf("(func i32.const %d drop i64.const %d drop)", int32(v), v)
		m, err := wat.Parse("in.wat", text)
		if err != nil {
			t.Fatal(err)
		}
		m, err = binary.Decode("in.wasm", string(binary.Encode(m)))
		if err != nil {
			t.Fatal(err)
		}
		in := m.Funcs[0].Body().Instrs
		if int32(in[0].Imm) != int32(v) || int64(in[2].Imm) != v {
			t.Errorf("%d comes back as %d and %d", v, int32(in[0].Imm), int64(in[2].Imm))
		}
	}
}
