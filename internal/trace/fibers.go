package trace

import (
	"fmt"

	"github.com/watfiber/watfiber/rewrite"
)

// fibers tells which fiber runs. The library says so. Of a program with a runtime of its
// own, a fiber is known by the data block that it unwinds into: what rewinds from there
// is that fiber again, and what is called otherwise when all have unwound is a new one.
type fibers struct {
	all     []Fiber
	over    map[int]bool
	current int // that runs, 0 for none
	last    int // that ran last
	library bool
	made    int            // how many fibers there were
	regions map[uint32]int // by address of the region
	owner   map[uint32]int // by data block: who has unwound into it
	away    map[int]bool   // who has unwound
}

// beginCall is called when a function is called and no fiber runs: it is a main fiber, or
// a fiber of a runtime that the program brings.
func (r *Recorder) beginCall(function int) {
	if r.made > 0 && (r.over[1] || !r.away[1]) { // one call after the other: it is the same to who looks at it
		delete(r.over, 1)
		r.current = 1
		r.last = 1
		return
	}
	r.newFiber(0, r.made == 0 || r.library, function)
}

// newFiber adds a fiber, which begins with a function, and makes it the one that runs.
func (r *Recorder) newFiber(address uint32, main bool, function int) {
	r.made++
	id := r.made
	if !r.full() {
		name := "the main fiber"
		switch {
		case !main:
			name = fmt.Sprintf("fiber %d", id)
			if f := r.mapped(function); f != nil {
				name += " (" + f.Name + ")"
			}
		case id > 1:
			name = fmt.Sprintf("main fiber %d", id)
		}
		r.fibers.all = append(r.fibers.all, Fiber{ID: id, Name: name, Main: main, Address: address})
	}
	if address != 0 {
		set(&r.regions, address, id)
	}
	r.current, r.last = id, id
	if id > 1 {
		r.emit(Event{Kind: Begin})
	}
}

// fiberDoes records what the library says of a fiber.
func (r *Recorder) fiberDoes(address, what uint32) {
	r.library = true
	switch what {
	case rewrite.FiberNamed:
		if r.current == 0 {
			r.beginCall(0)
		}
		set(&r.regions, address, r.current)
		if r.current <= len(r.fibers.all) {
			r.fibers.all[r.current-1].Address = address
		}
	case rewrite.FiberEnds:
		if id := r.regions[address]; id != 0 {
			delete(r.regions, address)
			r.emit(Event{Kind: End})
		}
	case rewrite.FiberBegins:
		entry, _ := r.Frames.Entry(0, r.word(address))
		r.newFiber(address, false, entry)
	default:
		r.goesOn(r.regions[address])
	}
}

// goesOn makes a fiber the one that runs.
func (r *Recorder) goesOn(id int) {
	r.current = id
	if id != 0 && id != r.last {
		r.last = id
		r.emit(Event{Kind: Switch})
	}
}

// unwinds notes whose frames go to the buffer in use.
func (r *Recorder) unwinds() {
	if r.current != 0 {
		set(&r.owner, r.data, r.current)
		set(&r.away, r.current, true)
	}
}

// rewinds finds whose frames are in the buffer in use.
func (r *Recorder) rewinds() {
	id := r.owner[r.data]
	if id == 0 {
		return // frames that the program has brought there
	}
	delete(r.away, id)
	r.goesOn(id)
}

// unwound is called when the stack of a fiber has gone.
func (r *Recorder) unwound() {
	if !r.library {
		r.current = r.belowFiber()
	}
}

// belowFiber returns the fiber of the innermost function, 0 if there is none.
func (r *Recorder) belowFiber() int {
	if n := len(r.stack); n > 0 {
		return r.stack[n-1].fiber
	}
	return 0
}

// returned is called when a function has returned to whoever called it. If it was the
// outermost one of its fiber, that has ended; of other fibers than main ones the library
// says so.
func (r *Recorder) returned(top entry) {
	below := r.belowFiber()
	if below == top.fiber || top.fiber == 0 {
		return
	}
	if top.fiber == 1 {
		set(&r.over, 1, true)
	} else if !r.library {
		r.emit(Event{Kind: End})
	}
	if !r.library {
		r.current = below
		if below != 0 {
			r.goesOn(below)
		}
	}
}

// set puts something into a map that may not be there yet, unless that is too large.
func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	if len(*m) < maxKnown {
		(*m)[key] = value
	}
}
