package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// stageFiles makes what packages and archives have besides the binary and files of
// the repository: completions, and the man pages in gzip.
func (r *release) stageFiles(ctx context.Context) error {
	program := filepath.Join(r.stage, "keeptrack")
	if err := r.compile(ctx, host, program); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "keeptrack", "zsh": "_keeptrack", "fish": "keeptrack.fish"} {
		text, err := output(exec.CommandContext(ctx, program, "completion", shell))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(r.stage, "completions", shell, name), text); err != nil {
			return err
		}
	}
	pages, err := filepath.Glob(filepath.Join(r.root, "packaging", "man", "*.[1-8]"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if text, err = compress(text); err != nil {
			return err
		}
		section := "man" + strings.TrimPrefix(filepath.Ext(page), ".")
		if err := writeFile(filepath.Join(r.stage, "man", section, filepath.Base(page)+".gz"), text); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// archive makes a platform's archive, for systems without a package: the binary and
// what packages have beside it, where the repository has it.
func (r *release) archive(p platform) error {
	top := "keeptrack-" + r.number() + "-" + p.os + "-" + p.arch
	var data bytes.Buffer
	t := newTarball(&data, r.source.time)
	if err := t.addFile(path.Join(top, "keeptrack"), r.binary(p), 0o755, owner{}); err != nil {
		return err
	}
	files := []string{"CHANGELOG.md", "LICENSE", "README.md", "config.example.toml", "packaging/keeptrack.toml", "packaging/refused"}
	for _, name := range files {
		if err := t.addFile(path.Join(top, name), filepath.Join(r.root, name), 0o644, owner{}); err != nil {
			return err
		}
	}
	folders := [][2]string{{"packaging/man", filepath.Join(r.root, "packaging", "man")}}
	if p.os == "linux" {
		for _, name := range []string{"packaging/systemd", "packaging/sysctl.d"} {
			folders = append(folders, [2]string{name, filepath.Join(r.root, name)})
		}
	}
	for _, shell := range []string{"bash", "fish", "zsh"} {
		folders = append(folders, [2]string{"completions/" + shell, filepath.Join(r.stage, "completions", shell)})
	}
	for _, f := range folders {
		if err := t.addFolder(path.Join(top, f[0]), f[1], 0o644, owner{}); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	packed, err := compress(data.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, top+".tar.gz"), packed, 0o644)
}

// packages makes a platform's .deb and .rpm.
func (r *release) packages(ctx context.Context, p platform) error {
	binary, err := filepath.Abs(r.binary(p))
	if err != nil {
		return err
	}
	out, err := filepath.Abs(r.out)
	if err != nil {
		return err
	}
	for _, kind := range []string{"deb", "rpm"} {
		cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/nfpm/go.mod", "nfpm", "package", "--config", "packaging/nfpm.yaml",
			"--packager", kind, "--target", out)
		cmd.Dir = r.root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "ARCH="+p.arch, "VERSION="+r.source.version, "BINARY="+binary, "STAGE="+r.stage,
			"SOURCE_DATE_EPOCH="+strconv.FormatInt(r.source.time.Unix(), 10))
		if _, err := output(cmd); err != nil {
			return err
		}
	}
	return nil
}
