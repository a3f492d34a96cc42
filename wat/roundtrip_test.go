package wat_test

import (
	"fmt"

	"github.com/watfiber/watfiber/wat"
	"github.com/watfiber/watfiber/wat/binary"
	"github.com/watfiber/watfiber/wat/check"
)

// parse parses and checks a module.
func parse(name, text string) (*wat.Module, error) {
	m, err := wat.Parse(name, text)
	if err != nil {
		return nil, err
	}
	return m, check.Module(m)
}

// decode decodes and checks a module.
func decode(name, code string) (*wat.Module, error) {
	m, err := binary.Decode(name, code)
	if err != nil {
		return nil, err
	}
	return m, check.Module(m)
}

// roundTrip says how a valid module changes on the way through its other forms;
// nil if it does not. Printing gives a name to what has none, so that names, and
// only names, may differ between the module and its printed text.
func roundTrip(m *wat.Module) error {
	code := binary.Encode(m)
	decoded, err := decode("encoded.wasm", string(code))
	if err != nil {
		return fmt.Errorf("the encoded module is not accepted: %w", err)
	}
	if again := binary.Encode(decoded); string(again) != string(code) {
		return fmt.Errorf("decoding and encoding changes the binary: %s", firstDifference(again, code))
	}
	text := wat.Print(decoded)
	parsed, err := parse("printed.wat", text)
	if err != nil {
		return fmt.Errorf("the printed module is not accepted: %w\n%s", err, text)
	}
	named := binary.Encode(parsed)
	if a, b := withoutNames(named), withoutNames(code); string(a) != string(b) {
		return fmt.Errorf("printing and parsing changes the binary: %s\n%s", firstDifference(a, b), text)
	}
	decoded, err = decode("named.wasm", string(named))
	if err != nil {
		return fmt.Errorf("the module encoded from the printed text is not accepted: %w\n%s", err, text)
	}
	if again := wat.Print(decoded); again != text {
		return fmt.Errorf("the text printed anew differs: %s\n%s", firstDifference([]byte(again), []byte(text)), text)
	}
	return nil
}

// withoutNames returns a binary without what a printed text adds, the names, and
// what it lacks, a number of data segments that no instruction needs.
func withoutNames(code []byte) []byte {
	m, err := binary.Decode("named.wasm", string(code))
	if err != nil {
		panic(err)
	}
	m.Name, m.DataCount = "", false
	for _, t := range m.Types {
		t.Name = ""
	}
	for _, f := range m.Funcs {
		f.Name, f.LocalNames = "", nil
		if f.Import == nil {
			b := f.Body()
			b.Labels = nil
			f.SetBody(b)
		}
	}
	for _, t := range m.Tables {
		t.Name = ""
	}
	for _, x := range m.Memories {
		x.Name = ""
	}
	for _, g := range m.Globals {
		g.Name = ""
	}
	for _, e := range m.Elems {
		e.Name = ""
	}
	for _, d := range m.Datas {
		d.Name = ""
	}
	return binary.Encode(m)
}

// firstDifference shows where two byte strings part.
func firstDifference(a, b []byte) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("at byte %d of %d and %d: %.40q and %.40q", i, len(a), len(b), a[i:], b[i:])
}
