package callgraph

import "github.com/watfiber/watfiber/wat"

// A search finds the callers of what suspends: those that reach it without a table
// first, nearest first, then those behind one table, and so on.
type search struct {
	*Graph
	in    [][]int32 // by class: the calls of it
	has   [][]int32 // by function: the classes that may reach it
	queue []wat.FuncID
}

func (s *search) run() {
	if s.config.Only != nil {
		s.list(s.config.Only)
		return
	}
	s.list(s.config.Roots)
	s.markedCalls()
	for f := range s.reasons {
		if s.Suspends(wat.FuncID(f)) {
			s.queue = append(s.queue, wat.FuncID(f))
		}
	}
	found := s.spread()
	if s.config.Indirect != None || s.config.In != nil {
		s.prepare()
		s.reach(found)
		s.open()
		s.anyhow()
		for len(s.queue) > 0 {
			s.reach(s.spread())
		}
	}
	s.list(s.config.Add)
}

// stops reports whether a function never suspends, whatever it calls.
func (s *search) stops(f wat.FuncID) bool {
	return is(s.config.Bottoms, int(f)) || is(s.config.Remove, int(f))
}

// list makes functions suspend that a list names; tops and bottoms stay what they
// are.
func (s *search) list(named []bool) {
	for f := range named {
		if named[f] && !is(s.config.Bottoms, f) && !s.Suspends(wat.FuncID(f)) {
			s.reasons[f] = Reason{Kind: IsListed}
		}
	}
}

// markedCalls makes functions suspend that have a call of which the source says so.
func (s *search) markedCalls() {
	if len(s.config.Marks) == 0 {
		return
	}
	for _, c := range s.calls {
		if s.mark(c) == Suspends {
			s.suspend(Reason{Kind: CallIsMarked, Call: c})
		}
	}
}

// suspend gives the caller of a call a reason, if it has none and may have one.
func (s *search) suspend(r Reason) bool {
	f := r.Call.Caller
	if s.Suspends(f) || s.stops(f) || r.Kind != CallIsMarked && s.mark(r.Call) == Never {
		return false
	}
	s.reasons[f] = r
	return true
}

// spread empties the queue: it marks the callers of the functions in it, and
// theirs, nearest first. It returns all that were in the queue.
func (s *search) spread() []wat.FuncID {
	for at := 0; at < len(s.queue); at++ {
		callee := s.queue[at]
		s.Callers(callee, func(c Call) {
			if c.Class == Known && s.config.Indirect == None {
				return
			}
			if s.suspend(Reason{Kind: CallsFunction, Call: c, To: callee}) {
				s.queue = append(s.queue, c.Caller)
			}
		})
	}
	found := s.queue
	s.queue = nil
	return found
}

// prepare sorts calls through tables by class, and classes by what they may reach.
func (s *search) prepare() {
	for k, c := range s.calls {
		if c.Class >= 0 {
			s.in[c.Class] = append(s.in[c.Class], int32(k))
		}
	}
	for k, class := range s.Calls.classes {
		for _, f := range class.Targets {
			s.has[f] = append(s.has[f], int32(k))
		}
	}
}

// reach makes the classes suspend that may reach one of the functions, and queues
// who calls them.
func (s *search) reach(found []wat.FuncID) {
	if s.config.Indirect == None {
		return
	}
	for _, f := range found {
		for _, k := range s.has[f] {
			s.through(k, Reason{Kind: CallsThrough, To: f})
		}
	}
}

// open makes the classes suspend into whose tables a host may put what suspends.
func (s *search) open() {
	if s.config.Indirect != Resolved {
		return
	}
	for k, class := range s.Calls.classes {
		if class.Open != "" {
			s.through(int32(k), Reason{Kind: CallsOpen})
		}
	}
}

func (s *search) through(class int32, r Reason) {
	if s.Graph.classes[class].reason.Kind != NotSuspending {
		return
	}
	s.Graph.classes[class].reason = r
	for _, c := range s.in[class] {
		r.Call = s.calls[c]
		if s.suspend(r) {
			s.queue = append(s.queue, r.Call.Caller)
		}
	}
}

// anyhow makes the functions suspend whose calls through tables all may.
func (s *search) anyhow() {
	for _, c := range s.calls {
		if c.Indirect() && (s.config.Indirect == All || is(s.config.In, int(c.Caller))) {
			if s.suspend(Reason{Kind: CallsAnyhow, Call: c}) {
				s.queue = append(s.queue, c.Caller)
			}
		}
	}
}
