package certificates

import (
	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger returns a logger for certmagic that writes to log: what it does at level
// debug, since the daemon says what matters of it, and what fails as a warning, since it
// is tried again. What clients cause is at level debug too: they can do so as often as they
// want, with text of their own.
func zapLogger(log zerolog.Logger) *zap.Logger { return zap.New(&zapCore{log: log}) }

// zapCore is where zap's lines go.
type zapCore struct {
	log    zerolog.Logger
	fields []zapcore.Field
}

func levelOf(l zapcore.Level) zerolog.Level {
	switch {
	case l >= zapcore.WarnLevel:
		return zerolog.WarnLevel
	case l == zapcore.InfoLevel:
		return zerolog.DebugLevel
	}
	return zerolog.TraceLevel
}

// Enabled reports whether lines of a level are written.
func (c *zapCore) Enabled(l zapcore.Level) bool { return c.log.WithLevel(levelOf(l)).Enabled() }

// With returns a core that adds fields.
func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{log: c.log, fields: append(append([]zapcore.Field(nil), c.fields...), fields...)}
}

// Check has a line written if its level is.
func (c *zapCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

// Write writes a line.
func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	encoded := zapcore.NewMapObjectEncoder()
	for _, list := range [][]zapcore.Field{c.fields, fields} {
		for _, f := range list {
			f.AddTo(encoded)
		}
	}
	delete(encoded.Fields, "level") // zerolog's own
	level := levelOf(e.Level)
	if byClient(e.Message, encoded.Fields) {
		level = min(level, zerolog.DebugLevel)
	}
	c.log.WithLevel(level).Fields(encoded.Fields).Msg("https: acme: " + e.Message)
	return nil
}

// byClient reports whether a line is about what a client has sent.
func byClient(message string, fields map[string]any) bool {
	_, remote := fields["remote"]
	_, remoteAddr := fields["remote_addr"]
	return remote || remoteAddr || message == "solving http-01 challenge blindly"
}

// Sync does nothing: nothing is held back.
func (c *zapCore) Sync() error { return nil }
