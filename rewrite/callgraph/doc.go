// Package callgraph finds out which functions of a module may suspend, and why.
//
// A function may suspend if it calls one that may. The calls of a module are
// edges: a direct call leads to its callee, a call through a table to a Class,
// which stands for all calls of one type through one table, and a class to the
// functions that the table may hold. So the graph has no more edges than the
// module has calls and references, and everything here takes linear time, but for
// Cut.
package callgraph
