package report

// A Comparison is what differs between the rewrites of two modules, as watfiber diff says
// it.
type Comparison struct {
	Old      string   `json:"old"` // names
	New      string   `json:"new"`
	Headline string   `json:"headline"`
	Sums     []Sum    `json:"sums"`
	Remarks  []string `json:"remarks"`
	// Text reports whether the old text is known, so that lines can be compared.
	Text  bool     `json:"text"`
	Funcs []Change `json:"funcs"`
}

// A Sum is a number of both modules.
type Sum struct {
	What string `json:"what"`
	Old  int    `json:"old"`
	New  int    `json:"new"`
}

// A Change is a function that differs.
type Change struct {
	// Func is its number in the new module. Functions that are gone are numbered on, behind
	// those of the new module.
	Func  int    `json:"func"`
	Title string `json:"title"`
	// Status is that of watfiber diff; of a function that gets no code in either module it
	// says what became of its source.
	Status  string   `json:"status"`
	Code    bool     `json:"code"` // it gets code in one of the modules
	Through string   `json:"through,omitempty"`
	Figures string   `json:"figures,omitempty"`
	Lines   []string `json:"lines,omitempty"` // each a sign, a space, and what it is about
	Bytes   int      `json:"bytes"`           // by which its output has grown

	hunks []Hunk
}

// A Hunk is a run of lines of a function, header included, in place of other ones.
type Hunk struct {
	At    int    `json:"at"`            // the first line, from 0
	Count int    `json:"count"`         // lines, 0 if there are only old ones
	Old   string `json:"old,omitempty"` // "" if there are only new ones
}
