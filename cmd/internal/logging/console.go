package logging

import (
	"time"

	"github.com/rs/zerolog"
)

// Console returns a writer of zerolog's lines to out in a form for people.
func Console(out *Output, color bool) zerolog.LevelWriter { return console{out, color} }

type console struct {
	out   *Output
	color bool
}

// Write writes a line without a level.
func (c console) Write(p []byte) (int, error) { return c.WriteLevel(zerolog.NoLevel, p) }

// WriteLevel writes a line of level l.
func (c console) WriteLevel(l zerolog.Level, p []byte) (int, error) {
	return zerolog.ConsoleWriter{Out: c.out.At(l), TimeFormat: time.DateTime, NoColor: !c.color}.Write(p)
}
