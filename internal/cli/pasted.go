package cli

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/watfiber/watfiber/wat"
)

// This file reads the frames of stack traces, as engines print them.
//
//	at sum (wasm://wasm/app-1a2b3c4d:wasm-function[5]:0x1a3)   V8
//	sum@http://localhost/app.wasm:wasm-function[5]:0x1a3       Firefox
//	wasm-function[5]@[wasm code]                               WebKit
//	0:  0x1a3 - app.wasm!sum                                   wasmtime
//	.sum(i32) i32                                              wazero
var (
	numbered = regexp.MustCompile(`wasm-function\[(\d+)\](?::0x([0-9a-fA-F]+))?`)
	offset   = regexp.MustCompile(`(?:^|[^0-9A-Za-z_])0x([0-9a-fA-F]+)\b`)
	called   = regexp.MustCompile(`^\s+([^\s(]*\.[^\s(]+)\([^()]*\)`)
)

// frame returns what is known of the frame in a line of a stack trace, false if none is
// in it.
func (a *atlas) frame(line string) (*spot, bool) {
	if m := numbered.FindStringSubmatch(line); m != nil {
		id, err := strconv.ParseUint(m[1], 10, 31)
		if err != nil {
			return nil, false
		}
		if m[2] == "" {
			return a.function(wat.FuncID(id))
		}
		s, ok := a.hex(m[2])
		return s, ok && s.Index == int(id) // or it is another module
	}
	if m := called.FindStringSubmatch(line); m != nil {
		return a.named(m[1])
	}
	if m := offset.FindStringSubmatch(line); m != nil {
		return a.hex(m[1])
	}
	return nil, false
}

func (a *atlas) hex(digits string) (*spot, bool) {
	n, err := strconv.ParseUint(digits, 16, 31)
	if err != nil {
		return nil, false
	}
	return a.at(int(n))
}

// named returns the function that a frame names: its name stands behind that of the
// module and a dot, and may have dots of its own.
func (a *atlas) named(name string) (*spot, bool) {
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if number, ok := strings.CutPrefix(name[i+1:], "$"); ok {
			if id, err := strconv.ParseUint(number, 10, 31); err == nil {
				return a.function(wat.FuncID(id))
			}
		}
		for id, f := range a.o.Binary.Funcs {
			if f.Name != "" && wat.NameText(f.Name) == name[i+1:] {
				return a.function(wat.FuncID(id))
			}
		}
	}
	return nil, false
}
