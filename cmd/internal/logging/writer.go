package logging

// run writes what is queued until the Output is closed and the queue is empty.
func (o *Output) run() {
	defer close(o.done)
	cut := false // the last line that failed was written in part
	for range o.work {
		line, more := o.next()
		for ; line != nil; line, more = o.next() {
			cut = o.write(line, cut)
		}
		if !more {
			return
		}
	}
}

// write writes a line, on a line of its own if the one before was cut, and tells
// whether it was cut itself.
func (o *Output) write(line []byte, afterCut bool) (cut bool) {
	if afterCut {
		line = append([]byte{'\n'}, line...)
	}
	n, err := o.to.Write(line)
	if err != nil {
		o.lose()
		return afterCut || n > 0
	}
	o.reportLost()
	return false
}

// next takes the first line off the queue. It is nil if there is none; more
// tells whether there can be more later.
func (o *Output) next() (line []byte, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) == 0 {
		o.lines = nil
		return nil, !o.closed
	}
	line = o.lines[0]
	o.lines[0] = nil
	o.lines = o.lines[1:]
	o.size -= len(line)
	return line, true
}

// lose counts a line that could not be written.
func (o *Output) lose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost++
}

// reportLost reports the lines that were lost before one was written.
func (o *Output) reportLost() {
	o.mu.Lock()
	n, report := o.lost-o.reported, o.report
	if n == 0 || report == nil || o.closed {
		o.mu.Unlock()
		return
	}
	o.reported = o.lost
	o.mu.Unlock()
	report(n)
}
