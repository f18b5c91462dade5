package tracker

// removals are the info hashes of torrents that have been removed, in pages so
// that growing copies nothing. The last comes out first.
type removals struct {
	pages []*[pageRemovals]InfoHash
	n     int
}

const pageRemovals = 256

func (r *removals) push(h *InfoHash) {
	if r.n/pageRemovals == len(r.pages) {
		r.pages = append(r.pages, new([pageRemovals]InfoHash))
	}
	r.pages[r.n/pageRemovals][r.n%pageRemovals] = *h
	r.n++
}

// pop takes out the last one. There must be one.
func (r *removals) pop() InfoHash {
	r.n--
	h := r.pages[r.n/pageRemovals][r.n%pageRemovals]
	if r.n%pageRemovals == 0 {
		last := len(r.pages) - 1
		r.pages[last] = nil
		r.pages = shrink(r.pages[:last])
	}
	return h
}
