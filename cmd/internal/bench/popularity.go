package bench

import "math"

// popularity draws torrents by Zipf's law in constant time, with the alias
// method: every torrent has a column of equal width, its own up to a height
// and another torrent's above that.
type popularity struct {
	torrents uint64
	columns  []column // none: all are equally popular
}

type column struct {
	height uint32 // in 2^-32 of the column
	other  uint32
}

func newPopularity(torrents int, exponent float64) popularity {
	p := popularity{torrents: uint64(torrents)}
	if exponent == 0 {
		return p
	}
	weights, sum := make([]float64, torrents), 0.0
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -exponent)
		sum += weights[i]
	}
	p.columns = make([]column, torrents)
	for i := range weights {
		weights[i] *= float64(torrents) / sum // 1 fills a column
		p.columns[i] = column{math.MaxUint32, uint32(i)}
	}
	p.level(weights)
	return p
}

// level fills up the columns of weights under 1 from those above. Weights fall
// from the first to the last, so donors come from the front.
func (p *popularity) level(weights []float64) {
	donor := 0
	fill := func(i int) {
		p.columns[i] = column{uint32(weights[i] * math.MaxUint32), uint32(donor)}
		weights[donor] -= 1 - weights[i]
	}
	for i := len(weights) - 1; i > donor; i-- {
		if weights[i] >= 1 {
			return // what is off is a matter of rounding
		}
		fill(i)
		for weights[donor] < 1 && donor+1 < i {
			donor++
			// The one before has given too much, and is filled up by the next.
			fill(donor - 1)
		}
	}
}

// draw returns the number of a torrent, from 0 to torrents-1.
func (p *popularity) draw(r *random) uint64 {
	i := r.below(p.torrents)
	if p.columns == nil {
		return i
	}
	if c := p.columns[i]; uint32(r.next()) > c.height {
		return uint64(c.other)
	}
	return i
}
