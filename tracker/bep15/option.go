package bep15

import "iter"

// OptionType is the type of an option after an announce request (BEP 41).
type OptionType uint8

// The types of options. The first two are a single byte; every other option is
// type, length and as many bytes of data.
const (
	OptionEnd OptionType = iota
	OptionNop
	OptionURLData
)

// maxOptionData is the most data that one option can carry.
const maxOptionData = 255

// ParseOptions returns the options that carry data, unknown types included, in
// order. The data is part of options. An option that runs past the end ends
// the sequence, as the end option does: clients send stray bytes there.
func ParseOptions(options []byte) iter.Seq2[OptionType, []byte] {
	return func(yield func(OptionType, []byte) bool) {
		for rest := options; len(rest) > 0; {
			typ := OptionType(rest[0])
			if typ == OptionNop {
				rest = rest[1:]
				continue
			}
			if typ == OptionEnd || len(rest) < 2 || len(rest) < 2+int(rest[1]) {
				return
			}
			end := 2 + int(rest[1])
			if !yield(typ, rest[2:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// URLData returns the path and query of the tracker's URL that the options
// carry, put together from as many options as it takes; empty if there is
// none.
func URLData(options []byte) string {
	var url []byte
	for typ, data := range ParseOptions(options) {
		if typ == OptionURLData {
			url = append(url, data...)
		}
	}
	return string(url)
}

// AppendURLData appends the options that carry the path and query of a
// tracker's URL: as many as its length takes, none for the empty string.
func AppendURLData(dst []byte, url string) []byte {
	for len(url) > 0 {
		n := min(len(url), maxOptionData)
		dst = append(dst, byte(OptionURLData), byte(n))
		dst = append(dst, url[:n]...)
		url = url[n:]
	}
	return dst
}
