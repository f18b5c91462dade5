package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Media types of an OCI image.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// descriptor names a blob of an image.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *imagePlatform    `json:"platform,omitempty"`
}

type imagePlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// imageConfig is the config blob: platform, how to run it, and the layers.
type imageConfig struct {
	Created time.Time `json:"created"`
	imagePlatform
	Config runConfig `json:"config"`
	RootFS rootFS    `json:"rootfs"`
	Steps  []step    `json:"history"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"` // of the layers as they are before compression
}

// step is a line of an image's history.
type step struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// saved is an image in manifest.json, from which `docker load` before version 25 takes
// it; later ones and other engines read index.json.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// imageName returns the name of a platform's image file.
func imageName(p platform) string {
	if p.arch == "amd64" {
		return "keeptrack-image.tar"
	}
	return "keeptrack-image-" + p.arch + ".tar"
}

// image makes a platform's image from Containerfile, without a container engine: an
// OCI layout in a tar file.
func (r *release) image(p platform) error {
	text, err := os.ReadFile(filepath.Join(r.root, "Containerfile"))
	if err != nil {
		return err
	}
	c, err := parseContainerfile(string(text), p.arch)
	if err != nil {
		return err
	}
	c.config.Labels["org.opencontainers.image.version"] = r.number()
	c.config.Labels["org.opencontainers.image.revision"] = r.source.commit
	layer, err := r.layer(c.copies)
	if err != nil {
		return err
	}
	data, err := r.layout(p, c.config, layer)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, imageName(p)), data, 0o644)
}

// layer returns the files of an image as a tar file.
func (r *release) layer(copies []copied) ([]byte, error) {
	var data bytes.Buffer
	t := newTarball(&data, r.source.time)
	for _, c := range copies {
		to := strings.TrimPrefix(c.to, "/")
		for _, from := range c.from {
			at := filepath.Join(r.root, from)
			if below, ok := strings.CutPrefix(from, "dist/"); ok {
				at = filepath.Join(r.out, below)
			}
			var err error
			switch {
			case strings.HasSuffix(from, "/"):
				err = t.addFolder(path.Clean(to), at, c.mode, c.owner)
			case strings.HasSuffix(to, "/"):
				err = t.addFile(path.Join(to, path.Base(from)), at, c.mode, c.owner)
			default:
				err = t.addFile(to, at, c.mode, c.owner)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	err := t.close()
	return data.Bytes(), err
}

// layout returns the tar file of an image with one layer.
func (r *release) layout(p platform, config runConfig, layer []byte) ([]byte, error) {
	var data bytes.Buffer
	t := newTarball(&data, r.source.time)
	var failed error
	file := func(name string, content []byte) {
		failed = cmp.Or(failed, t.add(name, content, 0o644, owner{}))
	}
	blob := func(mediaType string, content []byte) descriptor {
		sum := digest(content)
		file(blobPath(sum), content)
		return descriptor{MediaType: mediaType, Digest: sum, Size: len(content)}
	}
	packed, err := compress(layer)
	if err != nil {
		return nil, err
	}
	layers := blob(typeLayer, packed)
	on := imagePlatform{p.arch, p.os}
	configuration := blob(typeConfig, toJSON(imageConfig{
		Created: r.source.time, imagePlatform: on, Config: config,
		RootFS: rootFS{"layers", []string{digest(layer)}},
		Steps:  []step{{r.source.time, "Containerfile"}},
	}))
	m := blob(typeManifest, toJSON(manifest{2, typeManifest, configuration, []descriptor{layers}}))
	m.Platform = &on
	m.Annotations = map[string]string{
		"io.containerd.image.name":          "docker.io/library/keeptrack:latest",
		"org.opencontainers.image.ref.name": "latest",
	}
	file("index.json", toJSON(index{2, typeIndex, []descriptor{m}}))
	file("manifest.json", toJSON([]saved{{blobPath(configuration.Digest), []string{"keeptrack:latest"}, []string{blobPath(layers.Digest)}}}))
	file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	err = cmp.Or(failed, t.close())
	return data.Bytes(), err
}

// toJSON encodes one of the types above, all of which can be.
func toJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// blobPath returns where an image has a blob.
func blobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }
