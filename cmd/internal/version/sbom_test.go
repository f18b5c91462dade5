package version

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"testing"
)

func TestSBOMNamesEveryModule(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.1",
		Main:      debug.Module{Path: "keeptrack", Version: "v1.2.3+dirty"},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:abc="},
			{Path: "example.org/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v3.0.0+incompatible"}},
		},
		Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "amd64"}},
	}
	got, err := json.Marshal(bomOf(info, of(info)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6","version":1,` +
		`"metadata":{"component":{"type":"application","bom-ref":"pkg:golang/keeptrack@v1.2.3%2Bdirty","name":"keeptrack","version":"v1.2.3+dirty",` +
		`"purl":"pkg:golang/keeptrack@v1.2.3%2Bdirty","properties":[{"name":"go:build:GOARCH","value":"amd64"}]}},"components":[` +
		`{"type":"library","bom-ref":"pkg:golang/std@1.26.1","name":"std","version":"1.26.1","purl":"pkg:golang/std@1.26.1"},` +
		`{"type":"library","bom-ref":"pkg:golang/example.org/a@v1.0.0","name":"example.org/a","version":"v1.0.0","purl":"pkg:golang/example.org/a@v1.0.0","properties":[{"name":"go:sum","value":"h1:abc="}]},` +
		`{"type":"library","bom-ref":"pkg:golang/example.org/c@v3.0.0%2Bincompatible","name":"example.org/c","version":"v3.0.0+incompatible","purl":"pkg:golang/example.org/c@v3.0.0%2Bincompatible"}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSBOMOfThisBinary(t *testing.T) {
	var out bytes.Buffer
	if err := WriteSBOM(&out); err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(out.Bytes(), &b); err != nil || b.Format != "CycloneDX" || len(b.Components) == 0 {
		t.Errorf("%v: %s", err, &out)
	}
}
