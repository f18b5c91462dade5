package main

import (
	"os"
	"reflect"
	"testing"
	"time"
)

func TestContainerfile(t *testing.T) {
	text, err := os.ReadFile("../../Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseContainerfile(string(text), "arm64")
	if err != nil {
		t.Fatal(err)
	}
	want := containerfile{
		copies: []copied{
			{from: []string{"packaging/image/passwd", "packaging/image/group"}, to: "/etc/", mode: 0o644},
			{from: []string{"dist/keeptrack-linux-arm64"}, to: "/usr/bin/keeptrack", mode: 0o755},
			{from: []string{"packaging/image/data/"}, to: "/data/", mode: 0o644, owner: owner{65532, 65532}},
		},
		config: runConfig{
			User:         "65532:65532",
			ExposedPorts: map[string]struct{}{"6969/udp": {}, "6969/tcp": {}},
			Env:          []string{"PATH=/usr/bin"},
			Entrypoint:   []string{"keeptrack"},
			Cmd:          []string{"serve"},
			Healthcheck: &healthcheck{
				Test:     []string{"CMD", "keeptrack", "health"},
				Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 2 * time.Minute,
			},
			Volumes:    map[string]struct{}{"/data": {}},
			WorkingDir: "/data",
			Labels:     map[string]string{"org.opencontainers.image.title": "keeptrack", "org.opencontainers.image.licenses": "MIT"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestContainerfileNotUnderstood(t *testing.T) {
	for _, text := range []string{
		"FROM debian",
		"ARG VERSION",
		"RUN true",
		"COPY dist/keeptrack",
		"COPY --from=build /keeptrack /usr/bin/keeptrack",
		"COPY --chmod=u+x dist/keeptrack /usr/bin/keeptrack",
		"COPY --chown=keeptrack dist/keeptrack /usr/bin/keeptrack",
		"ENTRYPOINT keeptrack",
		`CMD ["serve"] \`,
		"HEALTHCHECK NONE",
		"HEALTHCHECK CMD keeptrack health",
		`HEALTHCHECK --retries=3 CMD ["keeptrack", "health"]`,
		`HEALTHCHECK --timeout=soon CMD ["keeptrack", "health"]`,
	} {
		if c, err := parseContainerfile(text+"\n", "amd64"); err == nil {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

// FuzzContainerfile: no text makes the parser crash, and what it takes does not depend
// on comments and blank lines.
func FuzzContainerfile(f *testing.F) {
	text, err := os.ReadFile("../../Containerfile")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("COPY --chmod=0755 a b/\nHEALTHCHECK --interval=1s CMD []")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseContainerfile(text, "amd64")
		again, errAgain := parseContainerfile("# again\n\n"+text, "amd64")
		if (err == nil) != (errAgain == nil) || err == nil && !reflect.DeepEqual(got, again) {
			t.Errorf("%+v, %v, and again %+v, %v", got, err, again, errAgain)
		}
	})
}
