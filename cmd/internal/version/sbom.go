package version

import (
	"encoding/json"
	"errors"
	"io"
	"runtime/debug"
	"strings"
)

// bom is a software bill of materials, as much of CycloneDX 1.6 as it takes to
// name what a Go program is built from.
type bom struct {
	Schema      string      `json:"$schema"`
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    bomMetadata `json:"metadata"`
	Components  []component `json:"components"`
}

type bomMetadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

var errNoBuildInfo = errors.New("this binary does not say what it was built from")

// WriteSBOM writes the software bill of materials of the running binary: a
// CycloneDX document in JSON with every module that is linked in and the
// standard library. It is what `go version -m` shows, and the same for the same
// build.
func WriteSBOM(w io.Writer) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errNoBuildInfo
	}
	return WriteSBOMOf(w, info, of(info))
}

// WriteSBOMOf is WriteSBOM for another binary, of which build info and version are
// known.
func WriteSBOMOf(w io.Writer, info *debug.BuildInfo, version string) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(bomOf(info, version))
}

func bomOf(info *debug.BuildInfo, version string) bom {
	main := goModule("application", info.Main.Path, version, "")
	for _, s := range info.Settings {
		switch s.Key { // the others are paths and flags of the machine that built it
		case "CGO_ENABLED", "GOARCH", "GOOS", "vcs.modified", "vcs.revision", "vcs.time":
			main.Properties = append(main.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX",
		SpecVersion: "1.6", Version: 1,
		Metadata:   bomMetadata{main},
		Components: []component{goModule("library", "std", strings.TrimPrefix(info.GoVersion, "go"), "")},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, goModule("library", m.Path, m.Version, m.Sum))
	}
	return b
}

// goModule describes a module. sum is its hash as go.sum has it, or empty.
func goModule(kind, path, version, sum string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	c := component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
	if sum != "" {
		c.Properties = []property{{"go:sum", sum}}
	}
	return c
}
