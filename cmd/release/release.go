package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// release is one being built.
type release struct {
	root   string // the repository
	out    string // what is built goes there
	source source

	stage string // files that are made for packages and archives
}

// platform is what a binary runs on.
type platform struct{ os, arch string }

// host is the platform of this program.
var host = platform{runtime.GOOS, runtime.GOARCH}

func parsePlatform(text string) (platform, error) {
	system, arch, ok := strings.Cut(text, "/")
	if !ok || system == "" || arch == "" {
		return platform{}, fmt.Errorf("%q is not a platform: it must be OS/ARCH", text)
	}
	return platform{system, arch}, nil
}

// build makes everything for the platforms in a folder that is new or empty.
func (r *release) build(ctx context.Context, platforms []string) error {
	syscall.Umask(0o022) // permissions get into packages
	if err := emptyFolder(r.out); err != nil {
		return err
	}
	var err error
	if r.stage, err = os.MkdirTemp("", "keeptrack-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.stage)
	if err := r.stageFiles(ctx); err != nil {
		return err
	}
	for _, text := range platforms {
		p, err := parsePlatform(text)
		if err != nil {
			return err
		}
		if err := r.buildFor(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return writeSums(r.out)
}

// buildFor makes all that there is for one platform.
func (r *release) buildFor(ctx context.Context, p platform) error {
	if err := r.compile(ctx, p, r.binary(p)); err != nil {
		return err
	}
	if err := r.describeContents(p); err != nil {
		return err
	}
	if err := r.archive(p); err != nil || p.os != "linux" {
		return err
	}
	if err := r.packages(ctx, p); err != nil {
		return err
	}
	return r.image(p)
}

// binary returns the path of a platform's binary.
func (r *release) binary(p platform) string {
	return filepath.Join(r.out, "keeptrack-"+p.os+"-"+p.arch)
}

// number returns the version without the v, as packages and file names have it.
func (r *release) number() string { return strings.TrimPrefix(r.source.version, "v") }

func emptyFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty", path)
	}
	return err
}

// writeSums writes SHA256SUMS of a folder, for sha256sum -c.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	var sums []byte
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		if err := cmp.Or(err, f.Close()); err != nil {
			return err
		}
		sums = fmt.Appendf(sums, "%x  %s\n", h.Sum(nil), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums, 0o644)
}
