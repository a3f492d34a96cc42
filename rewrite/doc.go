// Package rewrite makes functions of a module able to leave the WebAssembly call
// stack and to come back to it.
//
// A function that may be on the stack when the program suspends is instrumented:
// after every call that may suspend it tests whether an unwind has begun, and if
// so spills its frame (the number of the call site and the values that matter
// behind it) to a buffer in memory and returns; at its entry it tests whether a
// rewind is under way, and if so reloads its frame and jumps to the call site
// that it was suspended at. In between the code runs as it was written.
//
// The rewrite only inserts lines. Each ends in a ;;~ comment; a line that has to
// go stays as a ;;- comment. Strip takes both back and yields the source.
//
// The passes, in the order of the table in passes.go:
//
//	callgraph  which functions may suspend, and why
//	sites      the calls that may suspend, and the constructs around them
//	operands   what lies on the operand stack there, and where a site resumes
//	liveness   which locals are read after a site
//	frame      what is spilled, and in which order
//	emit       the lines to insert
//	runtime    the routines and the exports that the lines refer to
//	verify     is the result valid, does it strip to the source
package rewrite
