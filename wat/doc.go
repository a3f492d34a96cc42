// Package wat reads and writes the WebAssembly text format.
//
// Parse makes a Module, the tree that the other packages share, of a text;
// package binary makes the same tree of a binary module. Module fields are
// parsed by participle grammars (grammar.go), instructions by a scanner of our
// own over the table in package op (scan.go, immediate.go): a grammar of
// everything is a hundred times slower, and stands in the tests as the
// specification that the scanner is checked against.
//
// The tree holds spans of the text, not copies, and nothing of the text is ever
// printed anew: who changes a module inserts whole lines between its lines.
package wat
