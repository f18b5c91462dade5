package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"

	"keeptrack/tracker"
)

// keeptrack runs a command of the program to its end and returns its output.
func (h *session) keeptrack(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, h.opts.Program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("keeptrack %s: %w\n%s%s", args, err, out, &stderr)
	}
	return out, nil
}

// check verifies the database, which no process has open, and compares it with
// the book.
func (h *session) check(ctx context.Context) (loss, error) {
	if err := h.verify(ctx, h.file); err != nil {
		return loss{}, err
	}
	if err := h.inspect(ctx); err != nil {
		return loss{}, err
	}
	records, err := h.records(ctx)
	if err != nil {
		return loss{}, err
	}
	h.torrents = len(records)
	return h.book.compare(records, h.died)
}

// verify has a database verified.
func (h *session) verify(ctx context.Context, file string) error {
	_, err := h.keeptrack(ctx, "db", "verify", file)
	if err == nil {
		h.report.verified++
	}
	return err
}

// records reads all records of the database.
func (h *session) records(ctx context.Context) ([]tracker.Record, error) {
	text, err := h.keeptrack(ctx, "db", "export", h.file)
	if err != nil {
		return nil, err
	}
	var all []tracker.Record
	for line := range bytes.Lines(text) {
		if line[0] == '#' { // of origins and parts: the totals tell
			continue
		}
		r, err := parseRecord(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, fmt.Errorf("an exported line is %q: %w", line, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// parseRecord reads a line of an export: hash, downloads and unix minute of the
// last announce, with tabs between them.
func parseRecord(line []byte) (r tracker.Record, err error) {
	fields := bytes.Split(line, []byte("\t"))
	if len(fields) != 3 {
		return r, errors.New("not three fields")
	}
	if r.InfoHash, err = tracker.ParseInfoHash(string(fields[0])); err != nil {
		return r, err
	}
	if r.Downloaded, err = strconv.ParseUint(string(fields[1]), 10, 64); err != nil {
		return r, err
	}
	last, err := strconv.ParseUint(string(fields[2]), 10, 32)
	r.LastAnnounce = uint32(last)
	return r, err
}
