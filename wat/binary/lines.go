package binary

import (
	"cmp"
	"debug/dwarf"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"

	"github.com/watfiber/watfiber/wat"
)

// Lines returns a function that says from which file and line of its source an
// instruction comes, as the DWARF sections of a binary have it; "" if they do not say.
// It returns nil if the module has no such sections. (Addresses are offsets from the
// start of the code section: tool convention "DWARF for WebAssembly".)
func Lines(m *wat.Module) (func(function wat.FuncID, instr int) (file string, line int), error) {
	places, err := Places(m)
	if places == nil {
		return nil, err
	}
	return func(function wat.FuncID, instr int) (string, int) {
		l := places(function, instr)
		return l.File, l.Line
	}, nil
}

// Places is Lines with columns, which are 0 where they are not known.
func Places(m *wat.Module) (func(function wat.FuncID, instr int) wat.Location, error) {
	if !slices.ContainsFunc(m.Debug, func(s *wat.Custom) bool { return s.Name == ".debug_line" }) {
		return nil, nil
	}
	rows, err := lineRows(m.Debug)
	if err != nil {
		return nil, fmt.Errorf("%s: the lines of the source: %w", m.Source.Name, err)
	}
	code := codeStart(m.Source.Text)
	var places sync.Map // by wat.FuncID: where its instructions stand
	return func(function wat.FuncID, instr int) wat.Location {
		of, known := places.Load(function)
		if !known {
			of = m.Funcs[function].Body().Places()
			places.Store(function, of)
		}
		at := uint64(int(of.([]uint32)[instr]) - code)
		next := sort.Search(len(rows), func(i int) bool { return rows[i].address > at })
		if next == 0 || rows[next-1].file == "" || rows[next-1].line == 0 {
			return wat.Location{}
		}
		row := rows[next-1]
		return wat.Location{File: row.file, Line: row.line, Column: max(row.column-1, 0)}
	}, nil
}

// A lineRow says where the code from an address on comes from, up to the next row.
type lineRow struct {
	address uint64
	file    string // "" behind the end of a sequence
	line    int
	column  int // from 1, 0 if not known
}

// lineRows reads the line tables of all units, by address.
func lineRows(sections []*wat.Custom) ([]lineRow, error) {
	named := map[string][]byte{}
	for _, s := range sections {
		named[s.Name] = []byte(s.Bytes)
	}
	d, err := dwarf.New(named[".debug_abbrev"], nil, nil, named[".debug_info"], named[".debug_line"], nil, named[".debug_ranges"], named[".debug_str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_str_offsets", ".debug_rnglists"} {
		if err := d.AddSection(name, named[name]); err != nil {
			return nil, err
		}
	}
	var rows []lineRow
	for r := d.Reader(); ; r.SkipChildren() {
		unit, err := r.Next()
		if err != nil {
			return nil, err
		}
		if unit == nil {
			break
		}
		if rows, err = unitRows(rows, d, unit); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(rows, func(a, b lineRow) int {
		ends := func(r lineRow) int { return min(len(r.file), 1) } // one that ends comes before one that begins
		return cmp.Or(cmp.Compare(a.address, b.address), ends(a)-ends(b))
	})
	return rows, nil
}

// unitRows appends the rows of a unit.
func unitRows(rows []lineRow, d *dwarf.Data, unit *dwarf.Entry) ([]lineRow, error) {
	lines, err := d.LineReader(unit)
	if err != nil || lines == nil {
		return rows, err
	}
	var sequence []lineRow
	for {
		var e dwarf.LineEntry
		if err := lines.Next(&e); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
		row := lineRow{address: e.Address, line: e.Line, column: e.Column}
		if e.File != nil && !e.EndSequence {
			row.file = e.File.Name
		}
		sequence = append(sequence, row)
		if e.EndSequence {
			if sequence[0].address != 0 { // at 0 lies what the linker has left out
				rows = append(rows, sequence...)
			}
			sequence = nil
		}
	}
}

// codeStart returns where the contents of the code section begin, 0 if there is none.
func codeStart(data string) int {
	r := reader{src: data, pos: len(Magic) + len(version), end: len(data), source: &wat.Source{}}
	for r.pos < r.end && r.err == nil {
		id := wat.SectionID(r.byte())
		size := r.u32()
		if id == wat.SectionCode {
			return r.pos
		}
		r.bytes(size, "a section")
	}
	return 0
}
