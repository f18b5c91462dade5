package otstats

import "fmt"

// errorCodes are the codes of the errors in the XML.
var errorCodes = [ErrorCount]string{
	ErrorRedirect:  "302 Redirect",
	ErrorParse:     "400 Parse Error",
	ErrorParameter: "400 Invalid Parameter",
	ErrorCompact:   "400 Invalid Parameter (compact=0)",
	ErrorNotModest: "400 Not Modest",
	ErrorPayment:   "402 Payment Required",
	ErrorDenied:    "403 Access Denied",
	ErrorNotFound:  "404 Not found",
	ErrorServer:    "500 Internal Server Error",
}

// appendEverything appends all counters as XML. Some of its readers go by the
// position of an element, others by its name, so neither may change.
func appendEverything(dst []byte, n *Numbers, _ Source) []byte {
	dst = fmt.Appendf(dst, `<?xml version="1.0" encoding="UTF-8"?>
<stats>
  <tracker_id>%d</tracker_id>
  <version>
%s  </version>
  <uptime>%d</uptime>
  <torrents>
    <count_mutex>%d</count_mutex>
    <count_iterator>%d</count_iterator>
  </torrents>
`, n.TrackerID, appendVersion(nil, n), n.Uptime, n.Torrents, n.Torrents)
	dst = appendCount(dst, "  ", "peers", n.Peers)
	dst = appendCount(dst, "  ", "seeds", n.Seeds)
	dst = appendCount(dst, "  ", "completed", n.Completed)
	dst = appendConnections(dst, n)
	dst = append(dst, "  <debug>\n    <renew>\n"...)
	for minutes, count := range n.Renewed {
		dst = fmt.Appendf(dst, "      <count interval=\"%02d\">%d</count>\n", minutes, count)
	}
	dst = append(dst, "    </renew>\n    <http_error>\n"...)
	for e, code := range errorCodes {
		dst = fmt.Appendf(dst, "      <count code=\"%s\">%d</count>\n", code, n.Errors[e])
	}
	dst = append(dst, "    </http_error>\n"...)
	dst = appendCount(dst, "    ", "mutex_stall", 0)
	return append(dst, "  </debug>\n</stats>"...)
}

func appendCount(dst []byte, indent, name string, count uint64) []byte {
	return fmt.Appendf(dst, "%[1]s<%[2]s>\n%[1]s  <count>%[3]d</count>\n%[1]s</%[2]s>\n", indent, name, count)
}

func appendConnections(dst []byte, n *Numbers) []byte {
	dst = fmt.Appendf(dst, `  <connections>
    <tcp>
      <accept>%d</accept>
      <announce>%d</announce>
      <scrape>%d</scrape>
    </tcp>
    <udp>
      <overall>%d</overall>
      <connect>%d</connect>
      <announce>%d</announce>
      <scrape>%d</scrape>
      <missmatch>%d</missmatch>
    </udp>
`, n.TCPAccepts, n.TCPAnnounces, n.TCPScrapes,
		n.UDPPackets, n.UDPConnects, n.UDPAnnounces, n.UDPScrapes, n.UDPMismatches)
	dst = appendCount(dst, "    ", "livesync", n.Synced)
	return append(dst, "  </connections>\n"...)
}
