package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/printable"
	"keeptrack/tracker"
)

// accessPage is a reply to GET /api/v1/access.
type accessPage struct {
	admin.AccessList
	Overrides []admin.Override `json:"overrides"`
	Next      string           `json:"next"`
}

// accessState is what list and the changes print of one daemon.
type accessState struct {
	list accessPage
	// rows are about the hashes given.
	rows []admin.Listed
}

// add sends a request about a hash, with path behind it, and adds the row of the reply.
func (s *accessState) add(ctx context.Context, to *instances, c *admin.Client, method string, h tracker.InfoHash, path string, query url.Values) error {
	var row admin.Listed
	if err := to.do(ctx, c, method, "access/"+h.String()+path, query, &row); err != nil {
		return fmt.Errorf("%s: %w", h, err)
	}
	s.rows = append(s.rows, row)
	return nil
}

// askAccess returns all overrides, or what the list says of the hashes.
func askAccess(ctx context.Context, to *instances, c *admin.Client, hashes []tracker.InfoHash) (s accessState, err error) {
	if len(hashes) == 0 {
		err = askOverrides(ctx, to, c, &s.list)
		return s, err
	}
	for _, h := range hashes {
		if err := s.add(ctx, to, c, http.MethodGet, h, "", nil); err != nil {
			return s, err
		}
	}
	return s, nil
}

// askOverrides reads all pages into one.
func askOverrides(ctx context.Context, to *instances, c *admin.Client, all *accessPage) error {
	query := url.Values{"limit": {"1000"}}
	for {
		var p accessPage
		if err := to.do(ctx, c, http.MethodGet, "access", query, &p); err != nil {
			return err
		}
		p.Overrides = append(all.Overrides, p.Overrides...)
		*all = p
		if p.Next == "" {
			return nil
		}
		query.Set("after", p.Next)
	}
}

// printAccess prints the lists of the daemons, or their rows, as tables or in JSON. Rows
// are printed beside an error too: a change is in force for them.
func printAccess(w io.Writer, answers []answerOf[accessState], asJSON bool) error {
	for _, a := range answers {
		var err error
		switch {
		case asJSON:
			err = printAccessJSON(w, &a)
		case a.reply.rows != nil:
			err = rowsTable(&a).print(w)
		case a.err != nil:
		default:
			err = printOverrides(w, &a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printAccessJSON(w io.Writer, a *answerOf[accessState]) error {
	line := struct {
		Admin  string         `json:"admin"`
		List   *accessPage    `json:"list,omitempty"`
		Hashes []admin.Listed `json:"hashes,omitempty"`
		Error  string         `json:"error,omitempty"`
	}{Admin: a.client.Base(), Hashes: a.reply.rows}
	switch {
	case a.err != nil:
		line.Error = a.err.Error()
	case a.reply.rows == nil:
		line.List = &a.reply.list
	}
	return printable.JSON(w, line)
}

// printOverrides prints the list of a daemon, and a table of its overrides.
func printOverrides(w io.Writer, a *answerOf[accessState]) error {
	l := &a.reply.list
	file := "no file"
	if l.File != "" && l.Mode != tracker.AccessOpen.String() {
		file = fmt.Sprintf("%s with %d hashes", l.File, l.FileHashes)
	}
	spread := "they stay here"
	if l.Spreads {
		spread = "they spread"
	}
	head := fmt.Sprintf("%s: mode %s, %s, %d overrides, %s", a.client.Base(), l.Mode, file, l.AccessList.Overrides, spread)
	if _, err := fmt.Fprintln(w, printable.Text(head)); err != nil || len(l.Overrides) == 0 {
		return err
	}
	t := table{{"HASH", "DECISION", "SINCE", "MADE BY"}}
	for _, o := range l.Overrides {
		decision, origin := o.Decision, o.Origin
		if o.Local {
			origin = "an earlier version"
		}
		if decision == "" {
			decision = "none in this mode"
		}
		t.add(o.InfoHash.String(), decision, o.Since.Format(time.RFC3339), origin)
	}
	return t.print(w)
}

// rowsTable returns what a daemon's list says of the hashes given.
func rowsTable(a *answerOf[accessState]) table {
	var t table
	for _, r := range a.reply.rows {
		t.add(r.InfoHash.String(), verdict(&r), why(&r), "at "+a.client.Base())
	}
	return t
}

func verdict(r *admin.Listed) string {
	if r.Refused {
		return "refused"
	}
	return "served"
}

// why says what decides about a hash.
func why(r *admin.Listed) string {
	switch o := r.Override; {
	case o != nil && o.Local:
		return "by an override of an earlier version"
	case o != nil:
		return fmt.Sprintf("by an override of %s, made by %s", o.Since.Format(time.RFC3339), o.Origin)
	case r.InFile:
		return "by the list's file"
	}
	return "as it is not on the list"
}
