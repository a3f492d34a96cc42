// Package diff compares two modules by what a rewrite does to their functions: which get
// code and why, their call sites, frames and bytes.
//
// Each of the two is a source that is rewritten to be compared, or a module that has been
// rewritten, as text or binary. Functions are those of the program: what the rewrite
// added is counted in bytes alone.
package diff
