package browsertest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
)

// TestClusterOnThePage: the other member is shown as the API shows it, in step and, in
// the long form, away.
func TestClusterOnThePage(t *testing.T) {
	t.Parallel()
	addresses := []string{freeAddress(t), freeAddress(t)}
	member := func(i int) *program {
		return start(t, harness.Settings{
			"livesync.enabled": "true", "livesync.transport": `"unicast"`, "livesync.listen": fmt.Sprintf("%q", addresses[i]),
			"livesync.peers": fmt.Sprintf("[%q, %q]", addresses[0], addresses[1]), "livesync.beacon_interval": `"5s"`,
		})
	}
	d, other := member(0), member(1)
	hash, _ := hashOf("some torrent")
	other.announce(hash, 1000, "left=0&event=completed")
	p := open(t, "http://"+d.admin+"/")
	p.waitText("#members-table", "in step")
	var cluster struct {
		ID       string
		Counting struct {
			Members []struct {
				Label  string
				InStep bool `json:"in_step"`
			}
		}
	}
	d.api(http.MethodGet, "cluster", &cluster)
	if m := cluster.Counting.Members; len(m) != 1 || !m[0].InStep || !strings.Contains(p.text("#members-table tbody"), m[0].Label) {
		t.Errorf("the API says %+v, the page %q", m, p.text("#members-table"))
	}
	if text := p.text("#cluster-list"); !strings.Contains(text, cluster.ID) || !strings.Contains(text, "1 of 1") {
		t.Errorf("the page says %q", text)
	}
	p.until("the other's torrent", func() bool { return p.value("#torrents") == 1 })
	if testenv.Long() {
		other.stop()
		p.waitText("#members-table", "away")
		p.waitText("#cluster-list", "Not heard")
	}
}
