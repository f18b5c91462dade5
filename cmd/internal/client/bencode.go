package client

import (
	"errors"
	"fmt"
	"strconv"
)

// maxDepth is how deep lists and dictionaries may be nested; a scrape's answer
// needs 3.
const maxDepth = 16

// errBencode is wrapped by every error of decode.
var errBencode = errors.New("not bencoded as BEP 3 says")

// decode reads one bencoded value that fills data: an int64, a string, a []any
// or a map[string]any. Integers are shortest and keys distinct. BEP 3 has them in
// order as well, but opentracker's scrape does not. The size of the result is
// bounded by that of data.
func decode(data []byte) (any, error) {
	d := decoder{data: data}
	v, err := d.value(0)
	if err == nil && d.pos != len(data) {
		err = d.fail("bytes after the end")
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

type decoder struct {
	data []byte
	pos  int
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.fail("nested too deep")
	}
	switch c := d.peek(); {
	case c == 'i':
		d.pos++
		return d.number('e')
	case c == 'l':
		return d.list(depth)
	case c == 'd':
		return d.dictionary(depth)
	case c >= '0' && c <= '9':
		return d.text()
	}
	return nil, d.fail("no value")
}

func (d *decoder) list(depth int) ([]any, error) {
	list := []any{}
	for d.pos++; d.peek() != 'e'; {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	d.pos++
	return list, nil
}

func (d *decoder) dictionary(depth int) (map[string]any, error) {
	dict := map[string]any{}
	for d.pos++; d.peek() != 'e'; {
		key, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := dict[key]; twice {
			return nil, d.fail("a key twice")
		}
		if dict[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	d.pos++
	return dict, nil
}

func (d *decoder) text() (string, error) {
	n, err := d.number(':')
	if err != nil {
		return "", err
	}
	if n < 0 || n > int64(len(d.data)-d.pos) {
		return "", d.fail("a string longer than the rest")
	}
	start := d.pos
	d.pos += int(n)
	return string(d.data[start:d.pos]), nil
}

// number reads a decimal number in its shortest form and the byte that ends it.
func (d *decoder) number(end byte) (int64, error) {
	start := d.pos
	for c := d.peek(); c == '-' || c >= '0' && c <= '9'; c = d.peek() {
		d.pos++
	}
	digits := string(d.data[start:d.pos])
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != digits || d.peek() != end {
		return 0, d.fail("a malformed number")
	}
	d.pos++
	return n, nil
}

// peek returns the next byte, or 0, which starts nothing and ends nothing.
func (d *decoder) peek() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

func (d *decoder) fail(why string) error {
	return fmt.Errorf("%w: %s at byte %d", errBencode, why, d.pos)
}
