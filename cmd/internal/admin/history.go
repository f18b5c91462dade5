package admin

// History is what the daemon has counted and held over the last minutes, a sample
// every few seconds, the oldest first.
type History struct {
	// Times are when the samples were taken, in seconds since 1970-01-01 UTC. There is
	// none in the first seconds after the start.
	Times []int64 `json:"times"`
	// Requests are those answered a second between a sample and the one before.
	Requests []RequestRates `json:"requests"`
	Torrents []uint64       `json:"torrents"`
	Peers    []uint64       `json:"peers"`
	// Memory is what torrents and peers took up, in bytes.
	Memory []uint64 `json:"memory_bytes"`
	// Reasons are what was refused, dropped, not stored or failed, as of the last
	// sample. Those that never happened are left out.
	Reasons []Reason `json:"reasons"`
}

// RequestRates are the requests of a transport and an address family.
type RequestRates struct {
	Transport string    `json:"transport"`
	Family    string    `json:"family"`
	PerSecond []float64 `json:"per_second"`
}

// Reason is a number of times that something failed or was refused.
type Reason struct {
	// Metric is the name of the metric that has the number, and Reason what it is
	// labelled with; empty if it has no reasons.
	Metric string `json:"metric"`
	Reason string `json:"reason"`
	// Total counts since the start, Recent since the first sample.
	Total  uint64 `json:"total"`
	Recent uint64 `json:"recent"`
}
