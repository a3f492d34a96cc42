// Package explain says in words, as JSON and as a graph which functions of a module may
// suspend, why, and what that costs.
package explain
