package tracker

// maxDepth is the number of bits of a hash that a directory's place can have.
const maxDepth = 17

// grow makes room in the table for a hash: it is copied to one of twice the
// slots or divided in two.
func (x *index) grow(hash uint64, hashAt func(i uint32) uint64) {
	t := *x.table(hash)
	if len(t.slots) < maxTableSlots || t.depth == maxDepth {
		x.resize(hash, 2*len(t.slots), hashAt)
		return
	}
	if 1<<t.depth == len(x.directory) {
		directory := make([]table, 2*len(x.directory))
		copy(directory[copy(directory, x.directory):], x.directory)
		x.setDirectory(directory)
	}
	bit := uint64(1) << (directoryShift + t.depth)
	var parts [2]table
	for part := range parts {
		parts[part] = table{slots: x.newSlots(len(t.slots)), depth: t.depth + 1}
	}
	t.each(hashAt, func(h uint64, i uint32) {
		part := &parts[0]
		if h&bit != 0 {
			part = &parts[1]
		}
		part.place(h, i)
		part.used++
	})
	x.moved += uint64(t.used)
	x.discard(&t)
	x.change(hash, func(t *table) { t.depth++ }) // so that each part finds its own
	x.change(hash&^bit, func(t *table) { *t = parts[0] })
	x.change(hash|bit, func(t *table) { *t = parts[1] })
}

// shrink gives memory back when few slots are used of the table for a hash: it is
// copied to one of half the slots, or two that a table was divided into become
// one again.
func (x *index) shrink(hash uint64, hashAt func(i uint32) uint64) {
	if t := x.table(hash); t.depth > 0 {
		x.merge(hash, hashAt)
	} else if len(t.slots) > minTableSlots && int(t.used)*8 < len(t.slots) {
		x.resize(hash, len(t.slots)/2, hashAt)
	}
}

// merge brings the two tables together that the table for a hash was divided
// into, if they fill a small part of one.
func (x *index) merge(hash uint64, hashAt func(i uint32) uint64) {
	t := *x.table(hash)
	bit := uint64(1) << (directoryShift + t.depth - 1)
	other := *x.table(hash ^ bit)
	if other.depth != t.depth || (int(t.used)+int(other.used))*8 > 3*maxTableSlots {
		return
	}
	both := table{slots: x.newSlots(maxTableSlots), used: t.used + other.used, depth: t.depth - 1}
	t.each(hashAt, both.place)
	other.each(hashAt, both.place)
	x.moved += uint64(both.used)
	x.discard(&t)
	x.discard(&other)
	x.change(hash, func(t *table) { *t = both })
	x.change(hash^bit, func(t *table) { *t = both })
	x.halve()
}

// halve gives up half of the directory for as long as no table needs it.
func (x *index) halve() {
	for half := len(x.directory) / 2; half > 0; half /= 2 {
		for i := range x.directory {
			if 1<<x.directory[i].depth > half {
				return
			}
		}
		x.setDirectory(append([]table(nil), x.directory[:half]...))
	}
}

// resize copies the table for a hash to one with another number of slots.
func (x *index) resize(hash uint64, slots int, hashAt func(i uint32) uint64) {
	old := *x.table(hash)
	resized := table{slots: x.newSlots(slots), used: old.used, depth: old.depth}
	old.each(hashAt, resized.place)
	x.moved += uint64(old.used)
	x.discard(&old)
	x.change(hash, func(t *table) { *t = resized })
}

// each calls fn for every entry.
func (t *table) each(hashAt func(i uint32) uint64, fn func(hash uint64, i uint32)) {
	for _, slot := range t.slots {
		if slot != 0 {
			i := slot&positionMask - 1
			fn(hashAt(i), i)
		}
	}
}
