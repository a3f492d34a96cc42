// Package wit finds out from a world, as the WebAssembly Interface Types describe it,
// which imports of a core module may suspend, and whether all imports are as the world
// has them.
//
// A function of the world is an import of the module by the names and with the core type
// of the canonical ABI:
//
//	interface streams {            // package wasi:io@0.2.0
//	  resource input-stream {
//	    blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
//
//	(import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read"
//	  (func (param i32 i64 i32)))
//
// What a function does is not in its type. The rule by which it may suspend:
//
//   - it is async: func; or
//   - its name is block or begins with blocking-; or
//   - it takes a pollable, a future or a stream, in a list or record too, but not as the
//     resource that it is a method of: that is how it is told what to wait for.
//
// A function that returns one of these does so in order not to wait. The functions of
// WASI preview 1, which no world describes, are known to this package, and so are the
// functions that the canonical ABI itself provides.
//
// The world is read by package go.bytecodealliance.org/wit, which runs a build of
// wasm-tools on wazero to read text; JSON, as wasm-tools component wit --json prints it,
// it reads itself.
package wit
