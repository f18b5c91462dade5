package exact

import (
	"encoding/binary"
	"slices"

	"keeptrack/tracker"
)

// The digests of an origin make a tree: its leaves are the ranges of info hashes, named
// by the first two bytes, and every node above has 16 children. A digest is the
// exclusive or of what is under it, so the tree above the leaves need not be stored.
const (
	treeDepth    = 4
	nodeChildren = 16
	leafCount    = 1 << 16
)

// Node names a node of the tree: Prefix is the first Depth hexadecimal digits of the
// info hashes under it. The root has depth 0, a range depth 4.
type Node struct {
	Depth  uint8
	Prefix uint16
}

// child returns the i-th child.
func (n Node) child(i int) Node { return Node{n.Depth + 1, n.Prefix<<4 | uint16(i)} }

// leaves returns the first of the ranges under a node, and how many there are.
func (n Node) leaves() (first, count int) {
	count = 1 << (4 * (treeDepth - int(n.Depth)))
	return int(n.Prefix) * count, count
}

// valid says that there is such a node and that it has children.
func (n Node) valid() bool { return n.Depth < treeDepth && n.Prefix>>(4*n.Depth) == 0 }

// leaf returns the range of an info hash.
func leaf(h *tracker.InfoHash) uint16 { return binary.BigEndian.Uint16(h[:]) }

// first returns the lowest info hash of a range.
func first(leaf uint16) (h tracker.InfoHash) {
	binary.BigEndian.PutUint16(h[:], leaf)
	return h
}

// digestOf returns what a part adds to a digest: nothing if it is 0. The words that go
// in are big-endian: the origin, bytes 0, 8 and 12 of the info hash, the value. Each is
// mixed in by the finalizer of splitmix64.
func digestOf(o Origin, h *tracker.InfoHash, value uint64) uint64 {
	if value == 0 {
		return 0
	}
	x := mix(binary.BigEndian.Uint64(o[:]))
	x = mix(x ^ binary.BigEndian.Uint64(h[0:]))
	x = mix(x ^ binary.BigEndian.Uint64(h[8:]))
	x = mix(x ^ binary.BigEndian.Uint64(h[12:]))
	return mix(x ^ value)
}

// rootOf returns what an origin adds to a digest over several.
func rootOf(o Origin, root uint64) uint64 {
	return mix(mix(binary.BigEndian.Uint64(o[:])) ^ root)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sparse is the number of ranges up to which they are in a list: beyond, putting one in
// would move too much.
const sparse = 1 << 13

// digests are those of one origin. The zero value is that of an origin without parts.
type digests struct {
	root  uint64
	count int               // of parts
	few   []rangeDigest     // in order of range, while there are few
	many  []uint64          // else by range
	stand map[uint16]uint64 // what stands in for what this instance cannot take in; in the others too
}

// rangeDigest is the digest of a range, not 0.
type rangeDigest struct {
	digest uint64
	leaf   uint16
}

// change puts one thing into the digest of a range, or takes it out.
func (d *digests) change(leaf uint16, x uint64) {
	if x == 0 {
		return
	}
	d.root ^= x
	if d.many != nil {
		d.many[leaf] ^= x
		return
	}
	k, ok := d.search(leaf)
	switch {
	case !ok && len(d.few) < sparse:
		d.few = slices.Insert(d.few, k, rangeDigest{x, leaf})
	case !ok:
		d.many = make([]uint64, leafCount)
		for _, r := range d.few {
			d.many[r.leaf] = r.digest
		}
		d.many[leaf] = x
		d.few = nil
	case d.few[k].digest == x:
		d.few = slices.Delete(d.few, k, k+1)
	default:
		d.few[k].digest ^= x
	}
}

// search returns where a range is in the list, or would be.
func (d *digests) search(leaf uint16) (int, bool) {
	return slices.BinarySearchFunc(d.few, leaf, func(r rangeDigest, leaf uint16) int { return int(r.leaf) - int(leaf) })
}

// standIn sets what stands in for what cannot be taken in of a range. It returns in how
// many ranges more something does now.
func (d *digests) standIn(leaf uint16, x uint64) (more int64) {
	d.change(leaf, d.stand[leaf]^x)
	return d.setStand(leaf, x)
}

func (d *digests) setStand(leaf uint16, x uint64) (more int64) {
	before := len(d.stand)
	switch {
	case x == 0:
		delete(d.stand, leaf)
	case d.stand == nil:
		d.stand = map[uint16]uint64{leaf: x}
	default:
		d.stand[leaf] = x
	}
	return int64(len(d.stand) - before)
}

// leave has what is in the digest of a range stand in for what leaves the memory. It
// returns what standIn does.
func (d *digests) leave(leaf uint16, x uint64) int64 { return d.setStand(leaf, d.stand[leaf]^x) }

// children returns the digests of a node's children.
func (d *digests) children(n Node) (c [nodeChildren]uint64) {
	shift := 4 * (treeDepth - 1 - int(n.Depth)) // a child has 1<<shift ranges
	begin := int(n.Prefix) << (shift + 4)
	if d.many != nil {
		for i := range nodeChildren << shift {
			c[i>>shift] ^= d.many[begin+i]
		}
		return c
	}
	k, _ := d.search(uint16(begin))
	for _, r := range d.few[k:] {
		i := int(r.leaf) - begin
		if i >= nodeChildren<<shift {
			break
		}
		c[i>>shift] ^= r.digest
	}
	return c
}
