package host

import "github.com/tetratelabs/wazero/api"

// region is memory of the module for the stacks of a call: from at, a multiple of 16, up
// to at+size. The malloc of the module has returned it as block, 0 if it is part of a
// slab.
type region struct{ at, size, block uint32 }

func (r region) top() uint32 { return r.at + r.size }

// regions is the memory that calls get.
type regions struct {
	inst         *Instance
	size         uint32
	malloc, free api.Function // of the module; nil: the memory is made to grow

	pool []region // guarded by inst.mu

	// Used by the owner: what is left of the last slab, and how large the next one is.
	next, end, slab uint32
}

const (
	page      = 1 << 16
	firstSlab = 1 << 20
	lastSlab  = 16 << 20
	pooled    = 64 // regions that are not given back to malloc
)

func (r *regions) init(i *Instance) {
	r.inst, r.size, r.slab = i, i.host.config.StackSize, firstSlab
	malloc, free := i.module.ExportedFunction("malloc"), i.module.ExportedFunction("free")
	if hasType(malloc, 1, 1) && hasType(free, 1, 0) {
		r.malloc, r.free = malloc, free
	}
}

// hasType reports whether a function is there and has so many parameters and results, all
// of type i32.
func hasType(f api.Function, params, results int) bool {
	if f == nil {
		return false
	}
	p, q := f.Definition().ParamTypes(), f.Definition().ResultTypes()
	if len(p) != params || len(q) != results {
		return false
	}
	for _, t := range append(p[:len(p):len(p)], q...) {
		if t != api.ValueTypeI32 {
			return false
		}
	}
	return true
}

// take returns a region that no call uses.
func (r *regions) take() (region, error) {
	r.inst.mu.Lock()
	if last := len(r.pool) - 1; last >= 0 {
		got := r.pool[last]
		r.pool = r.pool[:last]
		r.inst.mu.Unlock()
		return got, nil
	}
	r.inst.mu.Unlock()
	if r.malloc != nil {
		return r.allocate()
	}
	if r.end-r.next < r.size {
		if err := r.grow(); err != nil {
			return region{}, err
		}
	}
	at := r.next
	r.next += r.size
	return region{at: at, size: r.size}, nil
}

// allocate asks the module for a region.
func (r *regions) allocate() (region, error) {
	results, err := r.malloc.Call(r.inst.ctx, uint64(r.size+15))
	if err != nil {
		return region{}, err
	}
	block := uint32(results[0])
	if block == 0 {
		return region{}, &MemoryError{r.size}
	}
	return region{(block + 15) &^ 15, r.size, block}, nil
}

// grow makes a slab of new memory.
func (r *regions) grow() error {
	size := (max(r.slab, r.size) + page - 1) &^ (page - 1)
	at, ok := r.inst.memory.Grow(size / page)
	if !ok { // not for a whole slab
		size = (r.size + page - 1) &^ (page - 1)
		at, ok = r.inst.memory.Grow(size / page)
	}
	if !ok {
		return &MemoryError{r.size}
	}
	// What ends at the last address of all has no end that fits in a word.
	r.next, r.end = at*page, at*page+(size-16)
	r.slab = min(2*r.slab, lastSlab)
	return nil
}

// give takes a region back. inst.mu is held.
func (r *regions) give(old region) {
	if r.free == nil || len(r.pool) < pooled || r.inst.ended != nil {
		r.pool = append(r.pool, old)
		return
	}
	i := r.inst
	i.enqueue(func() {
		if i.Err() == nil {
			_, _ = r.free.Call(i.ctx, uint64(old.block)) // a trap in free is the next malloc's
		}
	})
}
