package rewrite

import "slices"

// This file makes large frames smaller where they can be: slots that only few sites need
// are set aside, and the other sites spill a frame without them. Which kind a frame is says
// the sign of its number.
//
//	block $fiber.unwind (result i32) block $fiber.unwind.whole (result i32) ;;~ …
//	call $f
//	i32.const 0 global.get $fiber.state br_if $fiber.unwind drop ;;~ …
//	call $g
//	i32.const 1 global.get $fiber.state br_if $fiber.unwind.whole drop ;;~ …
//	return end ;;~ …                             the rare slots; -2 stands for site 1
//	local.get $x call $fiber.spill.i ;;~
//	i32.const -1 i32.xor end ;;~ …
//	local.get $n call $fiber.spill.ii ;;~         the others

// worthSettingAside is how many bytes smaller a frame has to become, over all sites, for
// the code that it takes: about 25 bytes.
const worthSettingAside = 40

// mostNeeds bounds the work for a function with many slots and sites.
const mostNeeds = 1 << 20

// setRareAside moves the slots that few sites need to the end of the frame, if that is
// worth it.
func (f *function) setRareAside() {
	slots, sites := f.frame.slots, len(f.sites)
	if !f.setsAside || len(slots) <= chunkSize || sites < 2 || len(slots)*sites > mostNeeds {
		return
	}
	needs, order := f.needsByPlace()
	common := f.common(order, needs)
	if common < 0 {
		return
	}
	rare := newBitset(len(slots))
	for _, i := range order[common:] {
		rare.add(i)
	}
	f.spareSites(rare, needs)
	var most, few []slotID
	for i, s := range slots {
		if rare.has(i) {
			few = append(few, s)
		} else {
			most = append(most, s)
		}
	}
	f.frame.slots, f.frame.rare, f.needsSite = append(most, few...), len(few), true
	for k, need := range needs {
		_, n := need.common(rare)
		f.sites[k].whole = n > 0
	}
}

// needsByPlace returns by site the places of the slots that it needs, and the places in
// order: what most sites need first.
func (f *function) needsByPlace() (needs []bitset, order []int) {
	slots := f.frame.slots
	place := map[slotID]int{}
	order = make([]int, len(slots))
	for i, s := range slots {
		place[s], order[i] = i, i
	}
	needs = make([]bitset, len(f.sites))
	for k := range needs {
		needs[k] = newBitset(len(slots))
	}
	users := make([]int, len(slots))
	f.eachNeed(func(k int, s slotID) {
		if i, ok := place[s]; ok && !needs[k].has(i) {
			needs[k].add(i)
			users[i]++
		}
	})
	slices.SortStableFunc(order, func(a, b int) int { return users[b] - users[a] })
	return needs, order
}

// common returns how many slots the common frame best has, in an order of them; -1 if
// it is best to have none.
func (f *function) common(order []int, needs []bitset) int {
	without := make([]int, len(order)+1) // by number of slots: how many sites need no more
	for _, need := range needs {
		n := 0
		for at, i := range order {
			if need.has(i) {
				n = at + 1
			}
		}
		without[n]++
	}
	bytes := f.bytesOf(f.frame.slots)
	best, saved, sites := -1, worthSettingAside*len(f.sites)-1, 0
	for n, i := range order {
		sites += without[n]
		if sites*bytes > saved {
			best, saved = n, sites*bytes
		}
		bytes -= f.slotType(f.frame.slots[i]).Size()
	}
	return best
}

// spareSites takes slots out of the rare ones that are all that some sites need of them,
// such as the callee of a call through a table: as long as little of what is saved over all
// sites is lost, it is better that few frames are large.
func (f *function) spareSites(rare bitset, needs []bitset) {
	const most = 16 // slots
	bytes, spared, alone := f.rareOnly(rare, needs)
	least := bytes * spared / 16 * 15
	for range most {
		best, saved := -1, least
		for i := range rare.each {
			if left := (bytes - f.slotType(f.frame.slots[i]).Size()) * (spared + alone[i]); alone[i] > 0 && left >= saved {
				best, saved = i, left
			}
		}
		if best < 0 {
			return
		}
		rare.remove(best)
		bytes, spared, alone = f.rareOnly(rare, needs)
	}
}

// rareOnly returns the bytes of the rare slots, how many sites need none of them, and by
// slot how many need no other.
func (f *function) rareOnly(rare bitset, needs []bitset) (bytes, none int, alone map[int]int) {
	for i := range rare.each {
		bytes += f.slotType(f.frame.slots[i]).Size()
	}
	alone = map[int]int{}
	for _, need := range needs {
		switch i, n := need.common(rare); n {
		case 0:
			none++
		case 1:
			alone[i]++
		}
	}
	return bytes, none, alone
}
