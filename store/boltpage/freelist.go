package boltpage

import "fmt"

// checkFreelist reads the list of free pages, none of which may be in use, and
// returns their number.
func (c *checker) checkFreelist(id uint64) (int, error) {
	p, err := c.open(id, pageFreelist)
	if err != nil {
		return 0, err
	}
	at, n := pageHeader, p.count()
	if n == 0xffff { // the number did not fit, it is the first entry
		b, err := p.bytes(at, 8)
		if err != nil {
			return 0, err
		}
		if u64(b) > uint64(p.size) {
			return 0, errOutside
		}
		at, n = at+8, int(u64(b))
	}
	list, err := p.bytes(at, 8*n)
	if err != nil {
		return 0, err
	}
	for ; len(list) > 0; list = list[8:] {
		switch free := u64(list); {
		case free >= c.end:
			return n, fmt.Errorf("page %d is not within the %d pages in use", free, c.end)
		case c.seen[free]:
			return n, fmt.Errorf("page %d is free and in use, or free twice", free)
		default:
			c.seen[free] = true
		}
	}
	return n, nil
}

// reportLost reports the pages that are neither used nor free.
func (c *checker) reportLost() {
	for i := 0; i < len(c.seen); i++ {
		from := i
		for i < len(c.seen) && !c.seen[i] {
			i++
		}
		if i > from {
			c.report(fmt.Errorf("pages %d to %d are neither used nor free", from, i-1))
		}
	}
}
