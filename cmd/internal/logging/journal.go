package logging

import (
	"io"
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/rs/zerolog"
)

// Prefix returns what a line of level l begins with when it is written to w:
// its syslog priority as sd-daemon(3) has it, such as "<3>", where w is standard
// error and the journal reads that; otherwise nothing.
func Prefix(w io.Writer, l zerolog.Level) string {
	if !isJournal(w) {
		return ""
	}
	return priority(l)
}

// isJournal tells whether w is standard error and $JOURNAL_STREAM names its
// device and inode, see systemd.exec(5).
func isJournal(w io.Writer) bool {
	if f, ok := w.(*os.File); !ok || f != os.Stderr {
		return false
	}
	is, err := journal.StderrIsJournalStream()
	return is && err == nil
}

// priority returns the syslog priority (RFC 5424, section 6.2.1) of a level. A
// line without a level is information.
func priority(l zerolog.Level) string {
	p := 6
	switch l {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		p = 7
	case zerolog.WarnLevel:
		p = 4
	case zerolog.ErrorLevel:
		p = 3
	case zerolog.FatalLevel, zerolog.PanicLevel:
		p = 2
	}
	return "<" + strconv.Itoa(p) + ">"
}
