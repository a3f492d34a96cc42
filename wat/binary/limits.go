package binary

import (
	"encoding/binary"
	"fmt"

	"github.com/watfiber/watfiber/wat"
)

// MaxLocals bounds the locals that one function may declare.
const MaxLocals = 1 << 17

// spareLocals is how many locals the functions of a module may declare together
// beyond one for each byte of the module. A local takes no byte of its own in the
// binary format, but is never of use without any; a bound keeps what a small file
// can ask for small.
const spareLocals = 1 << 20

// Limits of engines in browsers, from the implementation limits of the WebAssembly
// JavaScript interface.
const (
	engineParams = 1000
	engineLocals = 50_000
	engineBody   = 7_654_321
)

// Warnings says which functions of a module go beyond what engines in browsers
// take. The code is what Encode makes of m.
func Warnings(m *wat.Module, code []byte) []string {
	var warnings []string
	labels, sizes := m.FuncLabels(), bodySizes(code)
	for i, f := range m.Funcs {
		warn := func(n int, what string, limit int) {
			if n > limit {
				warnings = append(warnings, fmt.Sprintf("%s has %d %s; engines in browsers take %d", labels[i], n, what, limit))
			}
		}
		params := len(m.Types[f.Type].Params)
		warn(params, "parameters", engineParams)
		if f.Import != nil {
			continue
		}
		warn(params+f.NumLocals(), "locals", engineLocals)
		warn(sizes[0], "bytes of code", engineBody)
		sizes = sizes[1:]
	}
	return warnings
}

// bodySizes returns the sizes in bytes of the function bodies in a valid module.
func bodySizes(code []byte) []int {
	var sizes []int
	for rest := code[len(Magic+version):]; len(rest) > 0; {
		id := wat.SectionID(rest[0])
		size, n := binary.Uvarint(rest[1:])
		section := rest[1+n:][:size]
		rest = rest[1+n:][size:]
		if id != wat.SectionCode {
			continue
		}
		_, n = binary.Uvarint(section)
		for section = section[n:]; len(section) > 0; {
			size, n := binary.Uvarint(section)
			sizes = append(sizes, int(size))
			section = section[n:][size:]
		}
	}
	return sizes
}
