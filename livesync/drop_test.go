package livesync

import "testing"

func TestDropNames(t *testing.T) {
	names := make(map[string]bool)
	for d := range Drop(DropCount) + 1 {
		names[d.String()] = true
	}
	if len(names) != DropCount+1 || names[""] || !names["unknown"] {
		t.Errorf("names %v", names)
	}
}
