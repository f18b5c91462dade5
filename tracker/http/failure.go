package http

// Failure is the reason why a request did not get what it asked for. Each has
// one constant text for the client and one label for counters.
type Failure uint8

// The failures. Those of an announce or scrape go out with status 200 and a
// `failure reason`, since clients do not read the body of any other status.
const (
	FailureNone              Failure = iota
	FailureInfoHashMissing                  // an announce without info_hash
	FailureInfoHashMalformed                // an info_hash that is not 20 bytes
	FailureInfoHashRepeated                 // an announce with several
	FailurePort                             // port is no number up to 65535
	FailureRefused                          // the access list refuses the torrent
	FailureFullScrapeOff                    // full scrapes are turned off
	FailureFullScrapeBusy                   // the limit of full scrapes is reached
	FailureNotFound                         // 404: no such path
	FailureMethod                           // 405: a method that is neither GET nor HEAD
	FailureCount             int     = iota // number of values, FailureNone included
)

var failures = [FailureCount]struct{ label, text string }{
	FailureNone:              {"none", ""},
	FailureInfoHashMissing:   {"info_hash_missing", "info_hash is missing"},
	FailureInfoHashMalformed: {"info_hash_malformed", "info_hash is not 20 bytes"},
	FailureInfoHashRepeated:  {"info_hash_repeated", "info_hash is given more than once"},
	FailurePort:              {"port_malformed", "port is not a number from 0 to 65535"},
	FailureRefused:           {"refused", "info_hash not allowed"},
	FailureFullScrapeOff:     {"full_scrape_off", "full scrape is not allowed"},
	FailureFullScrapeBusy:    {"full_scrape_busy", "too many full scrapes, try again later"},
	FailureNotFound:          {"not_found", "not found"},
	FailureMethod:            {"method", "only GET and HEAD are allowed"},
}

// String returns the failure's label: lower-case words joined by underscores.
func (f Failure) String() string { return failures[f].label }

// Text returns the sentence that the client is sent.
func (f Failure) Text() string { return failures[f].text }
