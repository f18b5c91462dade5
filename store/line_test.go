package store

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"keeptrack/tracker"
)

const someHash = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"

func TestParseLine(t *testing.T) {
	h := hash(someHash)
	upper := strings.ToUpper(someHash)
	for _, c := range []struct {
		name, line string
		want       tracker.Record
		err        error
	}{
		{"ours", someHash + "\t7\t29000000", tracker.Record{InfoHash: h, LastAnnounce: 29000000, Downloaded: 7}, nil},
		{"ours in upper case", upper + "\t7\t29000000", tracker.Record{InfoHash: h, LastAnnounce: 29000000, Downloaded: 7}, nil},
		{"greatest", someHash + "\t9223372036854775807\t4294967295", tracker.Record{InfoHash: h, LastAnnounce: math.MaxUint32, Downloaded: math.MaxInt64}, nil},
		{"opentracker's greatest", upper + ":4294967295:9223372036854775807", tracker.Record{InfoHash: h, LastAnnounce: math.MaxUint32, Downloaded: math.MaxInt64}, nil},
		{"opentracker's", upper + ":29000000:7", tracker.Record{InfoHash: h, LastAnnounce: 29000000, Downloaded: 7}, nil},
		{"zeros", upper + ":0:0", tracker.Record{InfoHash: h}, nil},
		{"leading zeros", someHash + "\t007\t0", tracker.Record{InfoHash: h, Downloaded: 7}, nil},

		{"nothing", "", tracker.Record{}, errFields},
		{"hash alone", someHash, tracker.Record{}, errFields},
		{"two fields", someHash + "\t7", tracker.Record{}, errFields},
		{"four fields", someHash + "\t7\t8\t9", tracker.Record{}, errFields},
		{"both separators", someHash + "\t7:8", tracker.Record{}, errFields},
		{"spaces", someHash + " 7 29000000", tracker.Record{}, errFields},
		{"short hash", someHash[1:] + "\t7\t8", tracker.Record{}, errInfoHash},
		{"long hash", someHash + "0\t7\t8", tracker.Record{}, errInfoHash},
		{"no hexadecimal digit", "g" + someHash[1:] + ":7:8", tracker.Record{}, errInfoHash},
		{"no count", someHash + "\t\t8", tracker.Record{}, errNumber},
		{"no base", someHash + "::8", tracker.Record{}, errNumber},
		{"negative", someHash + "\t-1\t8", tracker.Record{}, errNumber},
		{"signed", someHash + "\t+1\t8", tracker.Record{}, errNumber},
		{"fraction", someHash + "\t1.5\t8", tracker.Record{}, errNumber},
		{"count beyond the largest", someHash + "\t9223372036854775808\t8", tracker.Record{}, errTooLarge},
		{"count of 64 bits", upper + ":8:18446744073709551615", tracker.Record{}, errTooLarge},
		{"count of more", someHash + "\t18446744073709551616\t8", tracker.Record{}, errTooLarge},
		{"minute too large", someHash + "\t1\t4294967296", tracker.Record{}, errTooLarge},
		{"hexadecimal", someHash + "\t0x1\t8", tracker.Record{}, errNumber},
		{"trailing space", someHash + "\t1\t8 ", tracker.Record{}, errNumber},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseLine([]byte(c.line))
			if !errors.Is(err, c.err) || err == nil && got != c.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestAppendLine(t *testing.T) {
	r := tracker.Record{InfoHash: hash(someHash), LastAnnounce: 29000000, Downloaded: 7}
	if got, want := string(AppendLine([]byte("x"), r)), "x"+someHash+"\t7\t29000000\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzParseLine: whatever parses is appended as a line that parses to the same.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(someHash + "\t7\t29000000"))
	f.Add([]byte(strings.ToUpper(someHash) + ":29000000:7"))
	f.Add([]byte(someHash + ":\t:"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseLine(line)
		if err != nil {
			return
		}
		again, err := ParseLine(bytes.TrimSuffix(AppendLine(nil, r), []byte("\n")))
		if err != nil || again != r {
			t.Errorf("%q is %+v, then %+v, %v", line, r, again, err)
		}
	})
}
