package config

import "github.com/rs/zerolog"

// Log is the table [log].
type Log struct {
	Level  zerolog.Level
	Format LogFormat
}

// LogFormat is a form of log lines.
type LogFormat string

// The forms of log lines. Auto is console on a terminal, else JSON.
const (
	LogAuto    LogFormat = "auto"
	LogConsole LogFormat = "console"
	LogJSON    LogFormat = "json"
)

func (l *Log) keys() []key {
	return []key{
		declare("level", &l.Level, zerolog.InfoLevel,
			oneOf(zerolog.TraceLevel, zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel),
			"The lowest level of lines to write: trace, debug, info, warn or error.\n"+
				"Changes of the access list over the API are always written.\n"+
				"Reloaded on SIGHUP.").asLive(),
		declare("format", &l.Format, LogAuto, oneOf(LogAuto, LogConsole, LogJSON),
			"auto (console on a terminal, else json), console or json."),
	}
}
