// Package fiberlib is the fiber runtime. Its package host drives modules that
// watfiber has rewritten from Go.
package fiberlib
