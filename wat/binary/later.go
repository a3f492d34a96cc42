package binary

// This file knows the bytes of features that came after WebAssembly 2.0, for
// hints.

const (
	exceptions = "exceptions"
	tailCalls  = "tail calls"
	typedRefs  = "typed references"
	collected  = "garbage-collected types"
	threads    = "threads"
	relaxed    = "relaxed vector instructions"
	address64  = "memories and tables with 64-bit addresses"
	tableInit  = "initial values of tables"
	components = "components"
)

// failLater is fail with a hint, if the bytes at hand belong to a feature.
func (r *reader) failLater(feature string, at int, format string, args ...any) {
	first := r.err == nil
	r.fail(at, format, args...)
	if first && feature != "" {
		r.err.Hint = feature + " are no part of WebAssembly 2.0"
	}
}

var laterOpcodes = map[byte]string{
	0x06: exceptions, 0x07: exceptions, 0x08: exceptions, 0x09: exceptions, 0x0A: exceptions, 0x18: exceptions,
	0x19: exceptions, 0x1F: exceptions, 0x12: tailCalls, 0x13: tailCalls, 0x15: tailCalls, 0x14: typedRefs,
	0xD3: collected, 0xD4: typedRefs, 0xD5: typedRefs, 0xD6: typedRefs, 0xFB: collected, 0xFE: threads,
}

// laterOpcode returns the feature that an opcode with a prefix or without belongs to.
func laterOpcode(c byte, number uint32) string {
	if c == 0xFD && number >= 0x100 {
		return relaxed
	}
	return laterOpcodes[c]
}

// laterTypes are the first bytes of types.
var laterTypes = map[byte]string{
	0x40: tableInit, 0x4E: collected, 0x4F: collected, 0x50: collected, 0x5E: collected, 0x5F: collected,
	0x63: typedRefs, 0x64: typedRefs, 0x69: exceptions, 0x74: exceptions, 0x6A: collected, 0x6B: collected, 0x6C: collected,
	0x6D: collected, 0x6E: collected, 0x71: collected, 0x72: collected, 0x73: collected,
}

// laterLimits returns the feature of a flag of limits.
func laterLimits(flags byte) string {
	switch {
	case flags < 8 && flags&4 != 0:
		return address64
	case flags < 4:
		return threads
	}
	return ""
}
