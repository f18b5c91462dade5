package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
)

// untar returns the files of a tar file by name.
func untar(t *testing.T, data []byte, take func(*tar.Header, []byte)) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		take(h, content)
	}
}

// fromJSON decodes a file of an image.
func fromJSON[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// openImage reads an image as an engine does, checks all digests, and returns its config
// and its layer.
func openImage(t *testing.T, path string) (imageConfig, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	untar(t, data, func(h *tar.Header, content []byte) { files[h.Name] = content })
	for name, content := range files {
		if sum, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && sum != "" && digest(content) != "sha256:"+sum {
			t.Errorf("%s has the digest %s", name, digest(content))
		}
	}
	blob := func(d descriptor) []byte {
		content := files[blobPath(d.Digest)]
		if len(content) != d.Size {
			t.Errorf("%+v has %d bytes", d, len(content))
		}
		return content
	}
	i := fromJSON[index](t, files["index.json"])
	m := fromJSON[manifest](t, blob(i.Manifests[0]))
	c := fromJSON[imageConfig](t, blob(m.Config))
	old := fromJSON[[]saved](t, files["manifest.json"])
	if old[0].Config != blobPath(m.Config.Digest) || old[0].Layers[0] != blobPath(m.Layers[0].Digest) {
		t.Errorf("manifest.json says %+v, index.json leads to %+v", old, m)
	}
	r, err := gzip.NewReader(bytes.NewReader(blob(m.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(r)
	if err != nil || digest(layer) != c.RootFS.DiffIDs[0] {
		t.Errorf("the layer is %s, the config has %q (%v)", digest(layer), c.RootFS.DiffIDs, err)
	}
	return c, layer
}

// container runs an image as its config says, by runc: with its user, environment and
// health check, a volume, a network of its own, and nothing else to write to.
type container struct {
	t      *testing.T
	bundle string
	state  string // runc's
	id     string
	config imageConfig
	cmd    *exec.Cmd
	log    bytes.Buffer
}

// newContainer unpacks an image.
func newContainer(t *testing.T, image string, env ...string) *container {
	t.Helper()
	testenv.NeedRoot(t)
	testenv.NeedProgram(t, "runc")
	c := &container{t: t, bundle: t.TempDir(), state: t.TempDir(), id: fmt.Sprintf("keeptrack-test-%d", os.Getpid())}
	var layer []byte
	c.config, layer = openImage(t, image)
	untar(t, layer, func(h *tar.Header, content []byte) {
		to := filepath.Join(c.bundle, "rootfs", h.Name)
		err := os.MkdirAll(filepath.Dir(to), 0o755)
		if h.Typeflag == tar.TypeDir {
			err = errors.Join(err, os.MkdirAll(to, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(to, content, 0o600))
		}
		if err := errors.Join(err, os.Chmod(to, h.FileInfo().Mode()), os.Chown(to, h.Uid, h.Gid)); err != nil {
			t.Fatal(err)
		}
	})
	c.makeVolume()
	if err := os.WriteFile(filepath.Join(c.bundle, "config.json"), toJSON(c.spec(env)), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// makeVolume makes a volume as engines do: with what the image has there, and its owner.
func (c *container) makeVolume() {
	c.t.Helper()
	from, to := filepath.Join(c.bundle, "rootfs", "data"), filepath.Join(c.bundle, "volume")
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
}

// spec is the runtime's config.
func (c *container) spec(env []string) map[string]any {
	user, group, _ := strings.Cut(c.config.Config.User, ":")
	uid, err := strconv.Atoi(user)
	gid, errGroup := strconv.Atoi(group)
	if err := errors.Join(err, errGroup); err != nil {
		c.t.Fatal(err)
	}
	type m = map[string]any
	var namespaces []m
	for _, kind := range []string{"pid", "ipc", "uts", "mount", "network"} {
		namespaces = append(namespaces, m{"type": kind})
	}
	return m{
		"ociVersion": "1.0.2",
		"process": m{
			"user": m{"uid": uid, "gid": gid}, "cwd": c.config.Config.WorkingDir, "noNewPrivileges": true,
			"args": append(c.config.Config.Entrypoint, c.config.Config.Cmd...), "env": append(c.config.Config.Env, env...),
		},
		"root": m{"path": "rootfs", "readonly": true},
		"mounts": []m{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/data", "type": "bind", "source": filepath.Join(c.bundle, "volume"), "options": []string{"rbind", "rw"}},
		},
		"linux": m{"namespaces": namespaces},
	}
}

func (c *container) runc(args ...string) *exec.Cmd {
	return exec.Command("runc", append([]string{"--root", c.state}, args...)...)
}

// start runs the container and waits until its health check passes.
func (c *container) start() {
	c.t.Helper()
	c.log.Reset()
	c.cmd = c.runc("run", "--bundle", c.bundle, c.id)
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			c.runc("kill", c.id, "KILL").Run()
			c.cmd.Wait()
		}
		if c.t.Failed() {
			c.t.Logf("the container's log:\n%s", &c.log)
		}
	})
	check := c.config.Config.Healthcheck.Test
	if check[0] != "CMD" {
		c.t.Fatalf("the health check is %q", check)
	}
	waitFor(c.t, "the container to be healthy", func() bool {
		_, err := output(c.runc(append([]string{"exec", c.id}, check[1:]...)...))
		return err == nil
	})
}

// exec runs a command in the container and returns what it prints.
func (c *container) exec(args ...string) string {
	c.t.Helper()
	out, err := output(c.runc(append([]string{"exec", c.id}, args...)...))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(out)
}

// stop ends the container as engines do.
func (c *container) stop() {
	c.t.Helper()
	if _, err := output(c.runc("kill", c.id, "TERM")); err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("after SIGTERM: %v", err)
	}
}

// infoHash is of a torrent of the tests.
const infoHash = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"

// TestImage runs the image of a release, and starts it again on the same volume.
func TestImage(t *testing.T) {
	image := filepath.Join(dist(t), imageName(platform{"linux", runtime.GOARCH}))
	c := newContainer(t, image, "KEEPTRACK_TRACKER_ALLOW_PRIVATE_ADDRESSES=true", "KEEPTRACK_ACCESS_MODE=deny")
	c.start()
	const udp, http = "udp://127.0.0.1:6969/announce", "http://127.0.0.1:6969/announce"
	c.exec("keeptrack", "announce", "--port", "6881", "--left", "1", udp, infoHash)
	c.exec("keeptrack", "announce", "--port", "6881", "--left", "0", "--event", "completed", udp, infoHash)
	if got := c.exec("keeptrack", "health", "--ready"); got != "ready\n" {
		t.Errorf("health --ready prints %q", got)
	}
	c.stop()
	info, err := os.Stat(filepath.Join(c.bundle, "volume", "keeptrack.db"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 65532 || owner.Gid != 65532 || info.Mode() != 0o600 {
		t.Errorf("the database has the mode %v and belongs to %d:%d", info.Mode(), owner.Uid, owner.Gid)
	}
	c.start()
	got := c.exec("keeptrack", "announce", "--port", "6882", "--left", "1", http, infoHash)
	if !strings.Contains(got, "\ndownloaded 1\n") || !strings.Contains(got, "\npeer 127.0.0.1:6881\n") {
		t.Errorf("after a restart an announce prints\n%s", got)
	}
	c.stop()
}

// TestImages: there is an image for each Linux of a release.
func TestImages(t *testing.T) {
	for _, arch := range testenv.Pick([]string{runtime.GOARCH}, []string{"amd64", "arm64"}) {
		c, layer := openImage(t, filepath.Join(dist(t), imageName(platform{"linux", arch})))
		if c.OS != "linux" || c.Architecture != arch {
			t.Errorf("the image for %s is for %s/%s", arch, c.OS, c.Architecture)
		}
		binary, err := os.ReadFile(oneFile(t, "keeptrack-linux-"+arch))
		if err != nil {
			t.Fatal(err)
		}
		untar(t, layer, func(h *tar.Header, content []byte) {
			if h.Name == "usr/bin/keeptrack" && !bytes.Equal(content, binary) {
				t.Errorf("the image for %s has another program", arch)
			}
		})
	}
}
