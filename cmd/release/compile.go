package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"keeptrack/cmd/internal/version"
)

// compile builds a static binary at path. Nothing of the machine and of the caller's
// settings for Go gets into it, nor what Go finds out about the repository, which
// depends on how that was checked out.
func (r *release) compile(ctx context.Context, p platform, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	flags := "-s -w -X keeptrack/cmd/internal/version.stamped=" + r.source.version
	get := exec.CommandContext(ctx, "go", "env", "GOPROXY")
	get.Dir = r.root
	proxy, err := output(get)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", path, "./cmd/keeptrack")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off",
		"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off",
		"GOENV=off", "GOPROXY="+strings.TrimSpace(string(proxy))) // what is set by `go env -w`, but for where modules come from
	_, err = output(cmd)
	return err
}

// describeContents writes the software bill of materials beside a platform's binary:
// what that prints by `keeptrack version --sbom`, and the commit.
func (r *release) describeContents(p platform) error {
	info, err := buildinfo.ReadFile(r.binary(p))
	if err != nil {
		return err
	}
	info.Settings = append(info.Settings,
		debug.BuildSetting{Key: "vcs.revision", Value: r.source.commit},
		debug.BuildSetting{Key: "vcs.time", Value: r.source.time.Format(time.RFC3339)})
	var sbom bytes.Buffer
	if err := version.WriteSBOMOf(&sbom, info, r.source.version); err != nil {
		return err
	}
	return os.WriteFile(r.binary(p)+".cdx.json", sbom.Bytes(), 0o644)
}
