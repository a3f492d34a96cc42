// Package golden is the corpus of small cases that show what a rewrite does, and
// the harness that checks it: used by tests only. README.md has the order to read
// them in.
//
// A case is a txtar file in testdata. It starts with one sentence that says what
// it shows; then come
//
//	-- options --   flags, one a line: --suspend env.sleep, --shape plain
//	-- in.wat --    the source
//	-- out.wat --   what becomes of it, byte for byte
//	-- run --       calls with their results: sum(5) = 35, fail(0) traps unreachable
//	-- notes --     what the user is told besides, if anything
//	-- error --     instead of out.wat and run: the message, if it is refused
//
// The harness rewrites in.wat and compares; checks that the result is valid,
// strips to the normalised source, leaves other functions alone, comes out the
// same a second time and from its own strip; and runs source and result on both
// engines of wazero, suspended never, at every call of an import that may suspend,
// and at some chosen by a seeded generator, comparing results, memory, globals
// and the host calls that were made. Update, go test ./golden -update, refuses to
// write a case that fails any of this.
package golden
