package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"keeptrack/cmd/internal/printable"
)

// table is rows of cells, the same number in each. What it holds may be of others.
type table [][]string

// add appends a row.
func (t *table) add(cells ...string) { *t = append(*t, cells) }

// print writes the table in columns: those of numbers, which are so in every row but the
// first, at their right edge, others at their left.
func (t table) print(w io.Writer) error {
	if len(t) == 0 {
		return nil
	}
	widths, right := make([]int, len(t[0])), make([]bool, len(t[0]))
	for column := range widths {
		right[column] = len(t) > 1
		for i, row := range t {
			row[column] = printable.Text(row[column])
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
			right[column] = right[column] && (i == 0 || isNumber(row[column]))
		}
	}
	var text strings.Builder
	for _, row := range t {
		var line strings.Builder
		for column, cell := range row {
			space := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if right[column] {
				line.WriteString(space + cell + "  ")
			} else {
				line.WriteString(cell + space + "  ")
			}
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// isNumber reports whether a cell has digits and what belongs to numbers alone. An address
// is no number.
func isNumber(cell string) bool {
	return cell != "" && strings.Trim(cell, "0123456789.+-% ") == "" && strings.Count(cell, ".") < 2
}

// size returns a number of bytes in the unit that fits.
func size(n int64) string {
	const unit = 1 << 10
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	x, i := float64(n), 0
	for ; x >= unit && i < len(units)-1; i++ {
		x /= unit
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}

// age returns how long something has lasted, to the second, to the minute from an hour
// on, and in days from two days on.
func age(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.Truncate(time.Second).String()
}
