package tracker

// A torrent that is created while the file has records that the tracker has not is
// partial: there may be one of it. Until the next checkpoint brings both together,
// downloaded is made of two numbers: how many downloads were completed here since,
// and a floor, the count that others have told, which rises with each of them. What
// counts in the end is the greater one of the floor and the file's count with those
// completed here.
const (
	floorBits = 41 // others are believed up to 2^40
	floorMask = 1<<floorBits - 1
	maxHere   = 1<<(64-floorBits) - 1
)

func (t *torrent) here() uint64  { return t.downloaded >> floorBits }
func (t *torrent) floor() uint64 { return t.downloaded & floorMask }

// count returns the completed downloads, as far as they are known.
func (t *torrent) count() uint64 {
	if t.partial {
		return max(t.here(), t.floor())
	}
	return t.downloaded
}

// complete counts a completed download.
func (t *torrent) complete() {
	if !t.partial {
		t.downloaded = min(t.downloaded+1, MaxDownloaded)
		return
	}
	here, floor := min(t.here()+1, maxHere), t.floor()
	if floor > 0 {
		floor = min(floor+1, floorMask)
	}
	t.downloaded = here<<floorBits | floor
}

// tell takes in a count that is greater than what is known.
func (t *torrent) tell(n uint64) {
	if t.partial {
		t.downloaded = t.here()<<floorBits | min(n, floorMask)
	} else {
		t.downloaded = n
	}
}

// settle makes a partial torrent whole, with what the file has of it.
func (t *torrent) settle(in *Record) {
	t.downloaded = max(t.floor(), min(in.Downloaded+t.here(), MaxDownloaded))
	t.lastAnnounce = max(t.lastAnnounce, in.LastAnnounce)
	t.partial = false
}

// change returns what a checkpoint writes of the torrent.
func (t *torrent) change() Change {
	c := Change{Record: t.record()}
	if t.partial {
		c.Partial, c.Downloaded, c.Floor = true, t.here(), t.floor()
	}
	return c
}
