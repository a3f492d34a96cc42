package callgraph

import (
	"cmp"
	"slices"

	"github.com/watfiber/watfiber/wat"
)

// Path returns the steps from a function to what suspends: through as few tables as
// possible, and as short as possible then. The last step is an import, a top, or a
// reason that needs no other function. It is empty for a function that does not
// suspend.
func (g *Graph) Path(f wat.FuncID) []Reason {
	var path []Reason
	for {
		r := g.Why(f)
		if r.Kind == NotSuspending {
			return path
		}
		path = append(path, r)
		if r.Kind != CallsFunction && r.Kind != CallsThrough {
			return path
		}
		f = r.To
	}
}

// An Edge leads from a function to one that it calls, to a class of calls through a
// table, from such a class to a function that the table may hold, or to whatever
// suspends without one.
type Edge struct {
	From, To Node
	Kind     Kind
	// Call is the first such call, if there is one: an edge from a class, or one that a
	// list makes, has none.
	Call    Call
	HasCall bool
}

// A Node is a function, a class, or the world: what suspends and is no function of
// the module.
type Node struct {
	Func  wat.FuncID
	Class int32 // the number of a class if it is not negative
}

// The classes of nodes that are none.
const (
	isFunc  int32 = -1
	isWorld int32 = -2
)

// FuncNode returns the node of a function.
func FuncNode(f wat.FuncID) Node { return Node{f, isFunc} }

// World is the node of what suspends and is no function of the module.
var World = Node{0, isWorld}

// IsFunc reports whether the node is a function.
func (n Node) IsFunc() bool { return n.Class == isFunc }

// IsClass reports whether the node is a class of calls through a table.
func (n Node) IsClass() bool { return n.Class >= 0 }

// Edges returns the edges from a node to what suspends, each once, in the order of the
// instructions of a function. A function that does not suspend, or only since a list
// says so, has none but those that its calls would have.
func (g *Graph) Edges(n Node) []Edge {
	switch {
	case n.IsClass():
		return g.classEdges(n)
	case !n.IsFunc() || g.asks(n.Func):
		return nil
	}
	var edges []Edge
	seen := map[Node]bool{}
	add := func(to Node, r Reason) {
		if !seen[to] {
			seen[to] = true
			edges = append(edges, Edge{From: n, To: to, Kind: r.Kind, Call: r.Call, HasCall: r.Kind != IsListed})
		}
	}
	for _, c := range g.Of(n.Func) {
		switch r := g.WhyCall(c); r.Kind {
		case NotSuspending:
		case CallsFunction:
			add(FuncNode(r.To), r)
		case CallsThrough, CallsOpen:
			add(Node{Class: c.Class}, r)
		default:
			add(World, r)
		}
	}
	if g.Why(n.Func).Kind == IsListed {
		add(World, Reason{Kind: IsListed})
	}
	return edges
}

func (g *Graph) classEdges(n Node) []Edge {
	var edges []Edge
	class := g.Calls.classes[n.Class]
	for _, f := range class.Targets {
		if g.Suspends(f) {
			edges = append(edges, Edge{From: n, To: FuncNode(f), Kind: CallsThrough})
		}
	}
	if class.Open != "" && g.config.Indirect == Resolved {
		edges = append(edges, Edge{From: n, To: World, Kind: CallsOpen})
	}
	return edges
}

// Cut returns the fewest edges without which a function would not suspend, those
// nearest to it if there is a choice. It reports false if that takes more than most.
// It takes time in proportion to most times the edges that the function can reach.
func (g *Graph) Cut(f wat.FuncID, most int) ([]Edge, bool) {
	if !g.Instruments(f) {
		return nil, true
	}
	n := newNetwork(g, f)
	for flow := 0; n.augment(); flow++ {
		if flow == most {
			return nil, false
		}
	}
	return n.cut(), true
}

// A network is the part of the graph that a function can reach, with a capacity of
// one for each edge. The most paths without a common edge are as many as the fewest
// edges that cut them all.
type network struct {
	g     *Graph
	nodes map[Node]int
	arcs  [][]int // by node: numbers of arcs from it; arc k^1 is the way back of arc k
	to    []int
	room  []bool // by arc: it can be used once more
	edges []Edge // by arc/2
	ends  []bool // by node: it suspends without another
	seen  []int  // by node: 1 + the arc by which the last search came, 0 if it did not
}

func newNetwork(g *Graph, f wat.FuncID) *network {
	n := &network{g: g, nodes: map[Node]int{}}
	n.node(FuncNode(f))
	var todo []Node
	for todo = append(todo, FuncNode(f)); len(todo) > 0; {
		from := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range g.Edges(from) {
			if _, known := n.nodes[e.To]; !known {
				todo = append(todo, e.To)
			}
			a, b := n.node(from), n.node(e.To)
			n.arcs[a] = append(n.arcs[a], len(n.to))
			n.arcs[b] = append(n.arcs[b], len(n.to)+1)
			n.to = append(n.to, b, a)
			n.room = append(n.room, true, false)
			n.edges = append(n.edges, e)
		}
	}
	return n
}

// node returns the number of a node.
func (n *network) node(at Node) int {
	k, known := n.nodes[at]
	if !known {
		k = len(n.nodes)
		n.nodes[at] = k
		n.arcs = append(n.arcs, nil)
		n.ends = append(n.ends, at == World || at.IsFunc() && n.g.asks(at.Func))
	}
	return k
}

// augment looks for a shortest path with room, and uses it.
func (n *network) augment() bool {
	n.seen = make([]int, len(n.arcs))
	n.seen[0] = -1
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		if at := queue[0]; n.ends[at] {
			for at != 0 {
				k := n.seen[at] - 1
				n.room[k], n.room[k^1] = false, true
				at = n.to[k^1]
			}
			return true
		}
		for _, k := range n.arcs[queue[0]] {
			if to := n.to[k]; n.room[k] && n.seen[to] == 0 {
				n.seen[to] = k + 1
				queue = append(queue, to)
			}
		}
	}
	return false
}

// cut returns the edges that lead out of what the last search has seen.
func (n *network) cut() []Edge {
	var edges []Edge
	for k := 0; k < len(n.to); k += 2 {
		if from := n.to[k+1]; n.seen[from] != 0 && n.seen[n.to[k]] == 0 {
			edges = append(edges, n.edges[k/2])
		}
	}
	slices.SortStableFunc(edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From.Class, b.From.Class), cmp.Compare(a.From.Func, b.From.Func))
	})
	return edges
}
