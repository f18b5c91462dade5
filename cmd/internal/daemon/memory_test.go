package daemon

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/memory"
)

func TestMemoryBudget(t *testing.T) {
	for _, c := range []struct {
		name string
		got  Budget
		want Budget
	}{
		{"a size", MemoryBudget(512 << 20), Budget{Bytes: 512 << 20}},
		{"no limit", MemoryBudget(0), Budget{}},
		{"half of what there is", autoBudget(memory.Limit{Bytes: 3<<30 + 5, Source: "RAM"}, nil),
			Budget{1536 << 20, "1536MiB, half of 3072MiB (RAM)"}},
		{"hardly anything", autoBudget(memory.Limit{Bytes: 4096, Source: "x"}, nil), Budget{1 << 20, "1MiB, half of 0MiB (x)"}},
		{"unknown", autoBudget(memory.Limit{}, memory.ErrUnknown), Budget{Remark: "no limit: " + memory.ErrUnknown.Error()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("%+v, want %+v", c.got, c.want)
			}
		})
	}
	if b := MemoryBudget(config.AutoMemory); b.Bytes <= 0 || b.Remark == "" {
		t.Errorf("auto on this host: %+v", b)
	}
}

func TestBudgetIsLogged(t *testing.T) {
	for _, c := range []struct {
		budget     Budget
		configured int64
		want       string
	}{
		{Budget{Bytes: 1 << 20}, 1 << 20, `{"level":"info","max_memory":1048576,`},
		{Budget{}, 0, `{"level":"info","max_memory":0,`},
		{Budget{1 << 20, "half"}, config.AutoMemory, `{"level":"info","auto":"half","max_memory":1048576,`},
		{Budget{0, "no limit: why"}, config.AutoMemory, `{"level":"warn","auto":"no limit: why","max_memory":0,`},
	} {
		var line bytes.Buffer
		logBudget(c.budget, c.configured, zerolog.New(&line))
		if !strings.HasPrefix(line.String(), c.want) {
			t.Errorf("%+v: %s, want %s", c.budget, &line, c.want)
		}
	}
}
