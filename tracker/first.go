package tracker

import "slices"

// first keeps those of many items that come first in an order, in a heap whose
// root is the last of them.
type first[T any] struct {
	limit   int // at least 1
	compare func(a, b *T) int
	items   []T
}

// add takes in an item if it is among the first.
func (f *first[T]) add(item *T) {
	if len(f.items) < f.limit {
		f.items = append(f.items, *item)
		f.rise(len(f.items) - 1)
	} else if f.compare(item, &f.items[0]) < 0 {
		f.items[0] = *item
		f.sink()
	}
}

// sorted returns the items in order. Nothing can be added after that.
func (f *first[T]) sorted() []T {
	slices.SortFunc(f.items, func(a, b T) int { return f.compare(&a, &b) })
	return f.items
}

func (f *first[T]) rise(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if f.compare(&f.items[i], &f.items[parent]) <= 0 {
			return
		}
		f.items[i], f.items[parent] = f.items[parent], f.items[i]
		i = parent
	}
}

func (f *first[T]) sink() {
	for i := 0; ; {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(f.items); child++ {
			if f.compare(&f.items[child], &f.items[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		f.items[i], f.items[last] = f.items[last], f.items[i]
		i = last
	}
}
