// Package boltpage checks the pages of a bbolt file by what is known here of bbolt's
// private format. A test ties it to the version of bbolt that this was read from.
package boltpage

import (
	"fmt"
	"io"
)

// checker goes through all pages of a bbolt file. Unlike bbolt's own check
// and bbolt itself it looks at every number before it follows it, so that no
// damage can bring it down.
type checker struct {
	r        io.ReaderAt
	pageSize int
	end      uint64 // the pages from here on are not in use
	seen     []bool // pages that are reached, or free
	report   func(error)
}

// Check reports everything that is wrong with the pages of a bbolt file:
// pages that cannot be read, are not what they should be, are used twice or not
// at all; keys that are out of order. What is wrong with one meta page alone
// comes as a *MetaError, and the rest is checked by the other one. It returns
// the number of free pages.
func Check(r io.ReaderAt, pageSize int, report func(error)) (free int) {
	metas, err := readMetas(r, pageSize)
	if err != nil {
		report(err)
		return 0
	}
	contents, err := newest(metas)
	if err != nil {
		report(err)
		return 0
	}
	for i, m := range metas {
		if m.damage != nil {
			report(&MetaError{i, m.damage})
		}
	}
	c := checkTrees(r, pageSize, contents, report)
	freelist := u64(contents[32:])
	if freelist == noFreelistPage {
		return 0
	}
	if free, err = c.checkFreelist(freelist); err != nil {
		report(fmt.Errorf("page %d, the list of free pages: %w", freelist, err))
		return free
	}
	c.reportLost()
	return free
}

// checkTrees checks all that can be reached from the root that a meta page's
// contents name.
func checkTrees(r io.ReaderAt, pageSize int, meta []byte, report func(error)) *checker {
	root, end := u64(meta[16:]), u64(meta[40:])
	c := &checker{r: r, pageSize: pageSize, end: end, seen: make([]bool, max(end, 2)), report: report}
	if end < 2 {
		report(fmt.Errorf("%d pages are in use, fewer than the two meta pages", end))
	}
	c.seen[0], c.seen[1] = true, true
	c.checkTree(root, nil, nil)
	return c
}

// checkTree checks the page id, all those below it and the buckets in them. Its
// keys must not be below low nor reach high; nil is no bound.
func (c *checker) checkTree(id uint64, low, high []byte) {
	p, err := c.open(id, pageBranch|pageLeaf)
	if err != nil {
		c.report(fmt.Errorf("page %d: %w", id, err))
		return
	}
	if p.kind() == pageBranch {
		err = p.checkBranch(low, high)
	} else {
		err = p.checkLeaf(low, high)
	}
	if err != nil {
		c.report(fmt.Errorf("page %d: %w", id, err))
	}
}

// open reads the beginning of a page that is of one of the kinds and that
// nothing else has led to, and notes that it is used.
func (c *checker) open(id uint64, kinds uint16) (*page, error) {
	if id < 2 || id >= c.end {
		return nil, fmt.Errorf("is not within the %d pages in use", c.end)
	}
	p := &page{in: c, id: id, head: make([]byte, c.pageSize)}
	if _, err := c.r.ReadAt(p.head, int64(id)*int64(c.pageSize)); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pages := 1 + uint64(u32(p.head[12:]))
	switch {
	case u64(p.head) != id:
		return nil, fmt.Errorf("says that it is page %d", u64(p.head))
	case p.kind()&kinds == 0 || p.kind()&(p.kind()-1) != 0:
		return nil, fmt.Errorf("is of the wrong kind, %#x", p.kind())
	case pages > c.end-id:
		return nil, fmt.Errorf("says that it is %d pages long, past the end", pages)
	}
	p.size = int(pages) * c.pageSize
	for i := id; i < id+pages; i++ {
		if c.seen[i] {
			return nil, fmt.Errorf("is used twice (page %d)", i)
		}
		c.seen[i] = true
	}
	return p, nil
}
