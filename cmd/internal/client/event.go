package client

import (
	"fmt"
	"slices"
	"strings"

	"keeptrack/tracker"
)

// eventNames are the events as HTTP spells them; "none" is never sent.
var eventNames = [...]string{
	tracker.EventNone:      "none",
	tracker.EventCompleted: "completed",
	tracker.EventStarted:   "started",
	tracker.EventStopped:   "stopped",
	tracker.EventPaused:    "paused",
}

// EventNames are the names that ParseEvent knows, separated by commas.
func EventNames() string { return strings.Join(eventNames[:], ", ") }

// EventList returns the names that ParseEvent knows.
func EventList() []string { return slices.Clone(eventNames[:]) }

// EventName returns the event's name.
func EventName(e tracker.Event) string { return eventNames[e] }

// ParseEvent returns the event of that name.
func ParseEvent(name string) (tracker.Event, error) {
	for e, n := range eventNames {
		if n == name {
			return tracker.Event(e), nil
		}
	}
	return 0, fmt.Errorf("unknown event %q: it must be one of %s", name, EventNames())
}
