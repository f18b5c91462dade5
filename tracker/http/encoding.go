package http

import (
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoding is a content coding for long replies (RFC 9110, section 8.4).
type encoding uint8

const (
	encodingNone encoding = iota
	encodingGzip
	encodingZstd
)

// acceptedEncoding returns the best encoding that a client takes by the values
// of its Accept-Encoding lines. What a client takes as well as nothing at all
// (q=0) it does not take.
func acceptedEncoding(lines []string) encoding {
	best := encodingNone
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			name, parameter, _ := strings.Cut(entry, ";")
			if refused(strings.ToLower(strings.Trim(parameter, " \t"))) {
				continue
			}
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "zstd":
				best = encodingZstd
			case "gzip", "x-gzip":
				best = max(best, encodingGzip)
			}
		}
	}
	return best
}

// refused tells whether a weight is 0, in any of its forms: q=0, q=0.000.
func refused(parameter string) bool {
	weight, isWeight := strings.CutPrefix(parameter, "q=")
	return isWeight && strings.HasPrefix(weight, "0") && strings.Trim(weight, "0.") == ""
}

// zstdWindow is how far back in bytes zstd looks for repetitions. What repeats
// in a scrape is near; a wider window would only take memory.
const zstdWindow = 64 << 10

// encoder returns a writer whose end has to be told, by Close, to have all of it
// in w.
func (e encoding) encoder(w io.Writer) (io.WriteCloser, error) {
	switch e {
	case encodingGzip:
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	case encodingZstd:
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	}
	return plainWriter{w}, nil
}

// plainWriter has nothing to do at the end.
type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }
