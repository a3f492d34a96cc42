package diff

import "slices"

// A SiteChange is a call site that differs. Numbers are -1 where there is none.
type SiteChange struct {
	What     SiteWhat `json:"what"`
	Old      int      `json:"old"`
	New      int      `json:"new"`
	Calls    string   `json:"calls"`
	OldCalls string   `json:"oldCalls,omitempty"`
	Place    string   `json:"place,omitempty"` // in the new module; of one that is gone in the old
}

// A SiteWhat says what has become of a site.
type SiteWhat string

// What can become of a site.
const (
	SiteAdded      SiteWhat = "added"
	SiteRemoved    SiteWhat = "removed"
	SiteCalls      SiteWhat = "calls another"
	SiteRenumbered SiteWhat = "renumbered"
)

// compareSites pairs sites by what they call and their order, and says what differs, in the
// order of both.
func compareSites(p *pairing, old, new []Site) []SiteChange {
	partner := align(len(old), len(new), siteRounds, p.siteKeys(p.old, old), p.siteKeys(p.new, new))
	var changes []SiteChange
	for g := range gaps(partner, len(new)) {
		at, end := g.To, g.At+g.Count
		changes = append(changes, gap(old, new, g.From, at, g.At, end)...)
		if at < len(old) && old[at].Number != new[end].Number {
			changes = append(changes, SiteChange{What: SiteRenumbered, Old: old[at].Number, New: new[end].Number, Calls: new[end].Calls, Place: new[end].Place})
		}
	}
	return changes
}

// gap describes sites without a partner between two that have one: i to iEnd of the old
// ones, j to jEnd of the new ones. If they are as many, each calls something else now.
func gap(old, new []Site, i, iEnd, j, jEnd int) []SiteChange {
	var changes []SiteChange
	if iEnd-i == jEnd-j {
		for ; i < iEnd; i, j = i+1, j+1 {
			changes = append(changes, SiteChange{What: SiteCalls, Old: old[i].Number, New: new[j].Number, Calls: new[j].Calls, OldCalls: old[i].Calls, Place: new[j].Place})
		}
		return changes
	}
	for ; i < iEnd; i++ {
		changes = append(changes, SiteChange{What: SiteRemoved, Old: old[i].Number, New: -1, Calls: old[i].Calls, Place: old[i].Place})
	}
	for ; j < jEnd; j++ {
		changes = append(changes, SiteChange{What: SiteAdded, Old: -1, New: new[j].Number, Calls: new[j].Calls, Place: new[j].Place})
	}
	return changes
}

// known reports whether it is known what lies where.
func (f *Frame) known() bool { return !f.unread }

// A SlotChange is a slot of a frame that differs; Old or New is nil if there is none.
type SlotChange struct {
	What SlotWhat `json:"what"`
	Old  *Slot    `json:"old,omitempty"`
	New  *Slot    `json:"new,omitempty"`
}

// A SlotWhat says what has become of a slot.
type SlotWhat string

// What can become of a slot.
const (
	SlotAdded   SlotWhat = "added"
	SlotRemoved SlotWhat = "removed"
	SlotMoved   SlotWhat = "moved"
	SlotTyped   SlotWhat = "has another type"
	SlotRenamed SlotWhat = "renamed" // same place and type
)

// compareSlots pairs slots by their names, then by their places, and says what differs: in
// the order of the new frame, then what is gone.
func compareSlots(old, new *Frame) []SlotChange {
	if !old.known() || !new.known() {
		return nil
	}
	byName, byPlace := map[string]int{}, map[Slot]int{}
	for i, s := range old.Slots {
		byName[s.Name] = i
	}
	partner, taken := fill(len(new.Slots)), make([]bool, len(old.Slots))
	for j, s := range new.Slots {
		if i, ok := byName[s.Name]; ok && !taken[i] {
			partner[j], taken[i] = i, true
		}
	}
	for i, s := range old.Slots {
		if !taken[i] && s.Offset >= 0 {
			byPlace[Slot{Type: s.Type, Offset: s.Offset}] = i
		}
	}
	var changes []SlotChange
	for j, s := range new.Slots {
		i := partner[j]
		if k, ok := byPlace[Slot{Type: s.Type, Offset: s.Offset}]; i < 0 && ok {
			taken[k] = true
			changes = append(changes, SlotChange{What: SlotRenamed, Old: &old.Slots[k], New: &new.Slots[j]})
			continue
		}
		if i < 0 {
			changes = append(changes, SlotChange{What: SlotAdded, New: &new.Slots[j]})
			continue
		}
		switch was := &old.Slots[i]; {
		case was.Type != s.Type:
			changes = append(changes, SlotChange{What: SlotTyped, Old: was, New: &new.Slots[j]})
		case was.Offset != s.Offset:
			changes = append(changes, SlotChange{What: SlotMoved, Old: was, New: &new.Slots[j]})
		}
	}
	for i := range old.Slots {
		if !taken[i] {
			changes = append(changes, SlotChange{What: SlotRemoved, Old: &old.Slots[i]})
		}
	}
	return slices.Clip(changes)
}
