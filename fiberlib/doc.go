// Package fiberlib is the fiber runtime: what watfiber links into a module that
// imports functions from module fiber. Its package host drives modules that watfiber
// has rewritten from Go.
package fiberlib

import _ "embed"

// Core is the text of the runtime, a module: what it exports is what a program can
// import from module fiber. Its imports from module program stand for the memory,
// table, stack pointer, malloc and free of the program, those from module transform
// for what every rewritten module has.
//
//go:embed core.wat
var Core string
