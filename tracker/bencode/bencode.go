// Package bencode reads bencoded values (BEP 3), as trackers answer with over
// HTTP.
package bencode

import (
	"errors"
	"fmt"
	"math"
)

// MaxDepth is how deep lists and dictionaries may be nested; a scrape's answer
// needs 3.
const MaxDepth = 16

// ErrMalformed is wrapped by every error.
var ErrMalformed = errors.New("not bencoded as BEP 3 says")

// Decode reads one value that fills data: an int64, a string, a []any or a
// map[string]any. Integers are shortest and keys distinct. BEP 3 has them in
// order as well, but opentracker's scrape does not. The size of the result is
// bounded by that of data.
func Decode(data []byte) (any, error) {
	r := NewReader(data)
	v := r.value()
	if err := r.End(); err != nil {
		return nil, err
	}
	return v, nil
}

// Reader reads values without allocating. The keys of a dictionary may have any
// order. After an error it reads nothing more, and returns zeros; End returns the
// error.
type Reader struct {
	data  []byte
	pos   int
	depth int
	wrong string // at pos
}

// NewReader returns a Reader of data.
func NewReader(data []byte) Reader { return Reader{data: data} }

// Kind returns the first byte of what comes next: 'i' of an integer, 'l' of a
// list, 'd' of a dictionary, a digit of a string. It is 'e' after the last value
// of a list or dictionary, and 0 at the end and after an error.
func (r *Reader) Kind() byte {
	if r.wrong == "" && r.pos < len(r.data) {
		return r.data[r.pos]
	}
	return 0
}

// Dictionary reads a dictionary and calls value for each key, which has to read
// the value. The key is a part of the data.
func (r *Reader) Dictionary(value func(key []byte)) {
	r.enter('d')
	for r.goesOn() {
		if key := r.Text(); r.wrong == "" {
			value(key)
		}
	}
	r.leave()
}

// List reads a list and calls value for each of its values, which has to read
// it.
func (r *Reader) List(value func()) {
	r.enter('l')
	for r.goesOn() {
		value()
	}
	r.leave()
}

// Text reads a string, which is a part of the data. It is nil only after an
// error.
func (r *Reader) Text() []byte {
	n, fits := r.number()
	r.expect(':')
	if r.wrong == "" && (n < 0 || !fits || n > int64(len(r.data)-r.pos)) {
		r.fail("a string longer than the rest")
	}
	if r.wrong != "" {
		return nil
	}
	start := r.pos
	r.pos += int(n)
	return r.data[start:r.pos:r.pos]
}

// Int reads an integer.
func (r *Reader) Int() int64 {
	r.expect('i')
	n, fits := r.number()
	if !fits {
		r.fail("a number beyond 64 bits")
	}
	r.expect('e')
	return n
}

// Skip reads any value. An integer may be of any size.
func (r *Reader) Skip() {
	switch r.Kind() {
	case 'i':
		r.pos++
		r.number()
		r.expect('e')
	case 'l':
		r.List(r.Skip)
	case 'd':
		r.Dictionary(func([]byte) { r.Skip() })
	default:
		r.Text()
	}
}

// Raw reads any value as Skip does, and returns its bytes, which are a part of the data.
// They are nil only after an error.
func (r *Reader) Raw() []byte {
	start := r.pos
	if r.Skip(); r.wrong != "" {
		return nil
	}
	return r.data[start:r.pos:r.pos]
}

// End returns the first error, or one if there is more to read.
func (r *Reader) End() error {
	if r.pos < len(r.data) {
		r.fail("bytes after the end")
	}
	if r.wrong == "" {
		return nil
	}
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, r.wrong, r.pos)
}

// value reads any value.
func (r *Reader) value() any {
	switch r.Kind() {
	case 'i':
		return r.Int()
	case 'l':
		list := []any{}
		r.List(func() { list = append(list, r.value()) })
		return list
	case 'd':
		dict := map[string]any{}
		r.Dictionary(func(key []byte) {
			if _, twice := dict[string(key)]; twice {
				r.fail("a key twice")
			}
			dict[string(key)] = r.value()
		})
		return dict
	}
	return string(r.Text())
}

func (r *Reader) enter(first byte) {
	r.expect(first)
	if r.depth++; r.depth > MaxDepth {
		r.fail("nested too deep")
	}
}

func (r *Reader) goesOn() bool { return r.wrong == "" && r.Kind() != 'e' }

func (r *Reader) leave() {
	r.expect('e')
	r.depth--
}

// number reads a decimal number in its shortest form, which is no number of more
// bits if it does not fit.
func (r *Reader) number() (n int64, fits bool) {
	negative := r.Kind() == '-'
	if negative {
		r.pos++
	}
	start := r.pos
	fits = true
	for c := r.Kind(); c >= '0' && c <= '9'; c = r.Kind() {
		digit := int64(c - '0')
		if n < (math.MinInt64+digit)/10 {
			fits = false
		}
		n = n*10 - digit // below zero there is room for one more
		r.pos++
	}
	digits := r.pos - start
	if digits == 0 || r.data[start] == '0' && (digits > 1 || negative) {
		r.fail("a malformed number")
	}
	if negative {
		return n, fits
	}
	return -n, fits && n != math.MinInt64
}

func (r *Reader) expect(c byte) {
	if r.Kind() != c {
		r.fail("no " + string(c))
		return
	}
	r.pos++
}

func (r *Reader) fail(why string) {
	if r.wrong == "" {
		r.wrong = why
	}
}
