package admin

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"keeptrack/tracker"
	"keeptrack/tracker/trace"
)

// schema is a part of a JSON Schema.
type schema struct {
	Required   []string
	Properties map[string]any
}

// readOpenAPI returns the description's operations, "METHOD path", and schemas.
func readOpenAPI(t *testing.T) (operations []string, schemas map[string]schema) {
	t.Helper()
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]schema }
	}
	if err := yaml.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				operations = append(operations, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(operations)
	return operations, doc.Components.Schemas
}

// TestOpenAPIHasEveryRoute: and no other.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	want := []string{"GET /api/v1/trace", "GET /api/v1/backup", "GET /api/v1/openapi.yaml"}
	for _, r := range routes {
		want = append(want, r.method+" "+r.path)
	}
	slices.Sort(want)
	operations, _ := readOpenAPI(t)
	if !slices.Equal(operations, want) {
		t.Errorf("described are %q\nthere are %q", operations, want)
	}
	// What is described is answered, by something else than a 404 for its path.
	url := serve(t, &fakeAPI{torrents: []Torrent{{InfoHash: tracker.InfoHash{19: 10}}}})
	for _, o := range operations {
		method, path, _ := strings.Cut(o, " ")
		if path == "/api/v1/openapi.yaml" {
			if status, body := get(t, url+path, ""); status != 200 || body != string(openAPI) {
				t.Errorf("%s: status %d", path, status)
			}
			continue
		}
		if path == "/api/v1/trace" {
			continue // is refused without a token, which TestTrace shows
		}
		if res, _ := ask(t, method, url+strings.ReplaceAll(path, "{hash}", hashText)+"?decision=refuse", ""); res.StatusCode == 404 || res.StatusCode == 405 {
			t.Errorf("%s: status %d", o, res.StatusCode)
		}
	}
}

// TestOpenAPIHasEveryField: the schemas have the properties that replies have.
func TestOpenAPIHasEveryField(t *testing.T) {
	_, schemas := readOpenAPI(t)
	for name, value := range map[string]any{
		"Stats": Stats{}, "ByFamily": ByFamily{}, "BusiestNetwork": BusiestNetwork{}, "BusiestClient": BusiestClient{}, "Torrent": Torrent{}, "AccessList": AccessList{},
		"Override": Override{}, "Listed": Listed{}, "Checkpoint": Checkpoint{},
		"SnapshotState": SnapshotState{}, "RestoredPeers": RestoredPeers{},
		"MemoryState": MemoryState{}, "History": History{}, "RequestRates": RequestRates{}, "Reason": Reason{},
	} {
		all, required := fields(reflect.TypeOf(value))
		s := schemas[name]
		if got := slices.Sorted(maps.Keys(s.Properties)); !slices.Equal(got, all) {
			t.Errorf("%s: described are %q, there are %q", name, got, all)
		}
		if slices.Sort(s.Required); !slices.Equal(s.Required, required) {
			t.Errorf("%s: required are %q, always there are %q", name, s.Required, required)
		}
	}
	event, _ := fields(reflect.TypeOf(trace.Event{}))
	announce, _ := fields(reflect.TypeOf(trace.Announce{}))
	traced := slices.DeleteFunc(append(event, append(announce, "omitted")...), func(name string) bool { return name == "" })
	slices.Sort(traced)
	if got := slices.Sorted(maps.Keys(schemas["Traced"].Properties)); !slices.Equal(got, traced) {
		t.Errorf("Traced: described are %q, there are %q", got, traced)
	}
	all, _ := fields(reflect.TypeOf(CheckpointState{}))
	state, _ := schemas["Stats"].Properties["checkpoint"].(map[string]any)
	properties, _ := state["properties"].(map[string]any)
	if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, all) {
		t.Errorf("checkpoint: described are %q, there are %q", got, all)
	}
}

// fields returns the names that a struct's fields have in JSON, and those that
// are always there.
func fields(t reflect.Type) (all, required []string) {
	for i := range t.NumField() {
		name, rest, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
		if rest == "" {
			required = append(required, name)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	return all, required
}
