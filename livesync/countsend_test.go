package livesync

import (
	"testing"
	"time"

	"keeptrack/livesync/exact"
)

// TestAgesRiseWhileMessagesWait: a torrent must not become younger in a queue.
func TestAgesRiseWhileMessagesWait(t *testing.T) {
	now := time.Now()
	records := []exact.Record{{Age: time.Second}, {Age: time.Hour}}
	for _, m := range []exact.Message{&exact.Parts{Records: records}, &exact.Records{Records: records}} {
		records[0].Age, records[1].Age = time.Second, time.Hour
		w := waiting{m: m, since: now}
		if w.age(now.Add(3*time.Second)) != m || records[0].Age != 4*time.Second || records[1].Age != time.Hour+3*time.Second {
			t.Errorf("%T: %+v", m, records)
		}
	}
}
