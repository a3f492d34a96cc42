package main

import (
	"fmt"
	"strings"
)

// shape times a program that makes fibers in all modules in which it comes to its end.
func (l wazeroLab) shape(c call) (timing, error) {
	var things []*timed
	first := timing{Pages: map[string]int{}, Failures: map[string]string{}}
	for _, m := range l.modules {
		thing, err := l.program(m, c)
		if err != nil {
			return first, fmt.Errorf("%s: %w", m.builder, err)
		}
		defer thing.close()
		if _, err := thing.call(); err != nil {
			first.Failures[m.builder], _, _ = strings.Cut(err.Error(), "\n")
			continue
		}
		resumed, err := only(thing.inst.ExportedFunction("resumptions").Call(l.ctx))
		if err != nil {
			return first, err
		}
		if first.Resumptions > 0 && first.Resumptions != int(resumed) {
			return first, fmt.Errorf("%s: %s resumes %d times, not %d", m.builder, c, resumed, first.Resumptions)
		}
		parked, err := only(thing.inst.ExportedFunction("parked_bytes").Call(l.ctx))
		if err != nil {
			return first, err
		}
		first.Resumptions, thing.bytes = int(resumed), int(parked)
		first.Pages[m.builder] = int(thing.inst.Memory().Size() / 65536)
		things = append(things, thing)
	}
	if len(things) == 0 {
		return first, nil
	}
	t, err := l.sample(things, c, first.Resumptions)
	t.Resumptions, t.Pages, t.Failures = first.Resumptions, first.Pages, first.Failures
	return t, err
}

// program prepares a call in a module that has its fiber runtime in it.
func (l wazeroLab) program(m module, c call) (*timed, error) {
	rt, env, err := l.runtime()
	if err != nil {
		return nil, err
	}
	inst, err := l.instantiate(rt, env, m)
	if err != nil {
		return nil, err
	}
	fn := inst.ExportedFunction(c.name)
	return &timed{
		builder: m.builder,
		inst:    inst,
		call:    func() (uint64, error) { return only(fn.Call(l.ctx, c.values()...)) },
		close:   func() { _ = rt.Close(l.ctx) },
	}, nil
}
