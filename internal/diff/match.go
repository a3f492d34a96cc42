package diff

import (
	"hash/fnv"
	"regexp"
	"strconv"
)

// A pairing says which functions of two sides are the same one.
type pairing struct {
	old, new   *Side
	toNew      []int // by place in old.Funcs: the place in new.Funcs, -1 if there is none
	toOld      []int
	names      map[string]string // by name in the old module: another in the new one
	idsA, idsB []int             // by FuncID: numbers that the same functions of both share
}

// minContent is how many instructions a function has at least that is known by them alone.
const minContent = 4

// pair pairs functions: those of the same name; then those that consist of the same, and no
// others do; then, where there are no names, by their order.
func pair(old, new *Side) *pairing {
	p := &pairing{old: old, new: new, toNew: fill(len(old.Funcs)), toOld: fill(len(new.Funcs)), names: map[string]string{}}
	p.byName()
	if old.original() == new.original() {
		p.byContent()
	}
	p.byOrder()
	for i, j := range p.toNew {
		if j >= 0 && old.Funcs[i].Label != new.Funcs[j].Label {
			p.names[old.Funcs[i].Label] = new.Funcs[j].Label
		}
	}
	p.number()
	return p
}

func fill(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = -1
	}
	return all
}

func (p *pairing) set(i, j int) { p.toNew[i], p.toOld[j] = j, i }

// byName pairs functions of the same name, the k-th with the k-th of several.
func (p *pairing) byName() {
	places := map[string][]int{}
	for j, f := range p.new.Funcs {
		if f.Name != "" {
			places[f.Name] = append(places[f.Name], j)
		}
	}
	for i, f := range p.old.Funcs {
		if rest := places[f.Name]; f.Name != "" && len(rest) > 0 {
			p.set(i, rest[0])
			places[f.Name] = rest[1:]
		}
	}
}

// byContent pairs functions that have got another name.
func (p *pairing) byContent() {
	type found struct{ old, new, n, m int }
	byHash := map[uint64]*found{}
	at := func(c *content) *found {
		f := byHash[c.hash]
		if f == nil {
			f = &found{}
			byHash[c.hash] = f
		}
		return f
	}
	for i, f := range p.old.Funcs {
		if x := at(&f.content); p.toNew[i] < 0 {
			x.old, x.n = i, x.n+1
		}
	}
	for j, f := range p.new.Funcs {
		if x := at(&f.content); p.toOld[j] < 0 {
			x.new, x.m = j, x.m+1
		}
	}
	for i, f := range p.old.Funcs {
		x := byHash[f.content.hash]
		if p.toNew[i] < 0 && x.n == 1 && x.m == 1 && f.content.instrs >= minContent {
			p.set(i, x.new)
		}
	}
}

// byOrder pairs what has no name by content, if both are bodies of the source or neither,
// and by type, without changing the order.
func (p *pairing) byOrder() {
	named := p.old.hasNames() && p.new.hasNames()
	is, js := unpaired(p.old, p.toNew, named), unpaired(p.new, p.toOld, named)
	comparable := p.old.original() == p.new.original()
	key := func(s *Side, all []int) keyed {
		return func(round, k int) uint64 {
			switch c := &s.Funcs[all[k]].content; {
			case round == 1:
				return c.signature
			case comparable:
				return c.hash
			}
			return 0
		}
	}
	for k, partner := range align(len(is), len(js), 2, key(p.old, is), key(p.new, js)) {
		if partner >= 0 {
			p.set(is[k], js[partner])
		}
	}
}

func (s *Side) hasNames() bool {
	for _, f := range s.Funcs {
		if f.named {
			return true
		}
	}
	return false
}

// unpaired returns the functions without a partner; of a module with names those without
// one.
func unpaired(s *Side, partner []int, named bool) []int {
	var all []int
	for i, f := range s.Funcs {
		if partner[i] < 0 && (f.Name == "" || !named) {
			all = append(all, i)
		}
	}
	return all
}

// number gives the functions of both modules numbers that the same functions share.
func (p *pairing) number() {
	numbers := map[string]int{}
	of := func(key string) int {
		n, ok := numbers[key]
		if !ok {
			n = len(numbers)
			numbers[key] = n
		}
		return n
	}
	ids := func(s *Side, key func(place int) string) []int {
		all := make([]int, len(s.imports))
		for id, name := range s.imports {
			all[id] = of("runtime") // there are no others left
			if name != "" {
				all[id] = of("import " + name)
			}
		}
		for i, f := range s.Funcs {
			all[f.Index] = of(key(i))
		}
		return all
	}
	p.idsA = ids(p.old, func(i int) string {
		if p.toNew[i] < 0 {
			return "old " + strconv.Itoa(i)
		}
		return "new " + strconv.Itoa(p.toNew[i])
	})
	p.idsB = ids(p.new, func(j int) string { return "new " + strconv.Itoa(j) })
}

// siteKeys returns keys for the sites of functions that are paired: in the first round what
// they call, and the code on both sides; then behind, then before them; at last what they
// call alone.
func (p *pairing) siteKeys(s *Side, sites []Site) keyed {
	ids := p.idsA
	if s == p.new {
		ids = p.idsB
	}
	calls := make([]uint64, len(sites))
	for k, site := range sites {
		h := newDigest()
		if h.text(site.key); site.callee >= 0 {
			h.number(uint64(ids[s.Funcs[site.callee].Index]))
		}
		calls[k] = h.sum.Sum64() | 1
	}
	return func(round, k int) uint64 {
		before, behind := sites[k].before, sites[k].behind
		switch round {
		case 0:
			return mix(calls[k], before, behind)
		case 1:
			return mix(calls[k], behind, 1)
		case 2:
			return mix(calls[k], 1, before)
		}
		return calls[k]
	}
}

const siteRounds = 4

// mix returns a key of three, 0 if one is missing.
func mix(a, b, c uint64) uint64 {
	if a == 0 || b == 0 || c == 0 {
		return 0
	}
	h := digest{fnv.New64a()}
	h.number(a)
	h.number(b)
	h.number(c)
	return h.sum.Sum64() | 1
}

// calledIn finds the function that a reason names.
var calledIn = regexp.MustCompile(`(?:calls|hold) (.*), which`)

// renamed returns a reason of the old module with the name that the function in it has now.
func (p *pairing) renamed(why string) string {
	at := calledIn.FindStringSubmatchIndex(why)
	if at == nil {
		return why
	}
	if now, ok := p.names[why[at[2]:at[3]]]; ok {
		return why[:at[2]] + now + why[at[3]:]
	}
	return why
}
