package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// containerfile is what Containerfile says: which files an image has and how it is
// run. It understands what that file uses of the format, one line an instruction, and
// refuses the rest.
type containerfile struct {
	copies []copied
	config runConfig
}

// copied is an instruction COPY.
type copied struct {
	from  []string // in the repository
	to    string   // a folder if it ends in a slash
	mode  int64
	owner owner
}

// runConfig is how an image is run, as its config has it in JSON.
type runConfig struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Healthcheck  *healthcheck        `json:"Healthcheck,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
}

// healthcheck is how an engine asks whether a container is well. Docker reads it in
// images of either kind; the OCI's description does not have it.
type healthcheck struct {
	Test        []string
	Interval    time.Duration `json:",omitempty"`
	Timeout     time.Duration `json:",omitempty"`
	StartPeriod time.Duration `json:",omitempty"`
}

// parseContainerfile reads a Containerfile for an architecture.
func parseContainerfile(text, arch string) (containerfile, error) {
	c := containerfile{config: runConfig{ExposedPorts: map[string]struct{}{}, Volumes: map[string]struct{}{}, Labels: map[string]string{}}}
	number := 0
	for line := range strings.Lines(strings.ReplaceAll(text, "${TARGETARCH}", arch)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		if err := c.take(instruction, strings.TrimSpace(rest)); err != nil {
			return c, fmt.Errorf("Containerfile, line %d: %w", number, err)
		}
	}
	return c, nil
}

var errNotUnderstood = errors.New("is not understood")

func (c *containerfile) take(instruction, rest string) error {
	words := strings.Fields(rest)
	switch instruction {
	case "FROM", "ARG":
		if rest != map[string]string{"FROM": "scratch", "ARG": "TARGETARCH"}[instruction] {
			return errNotUnderstood
		}
	case "COPY":
		return c.copy(words)
	case "ENV":
		c.config.Env = append(c.config.Env, words...)
	case "LABEL":
		for _, w := range words {
			key, value, _ := strings.Cut(w, "=")
			c.config.Labels[key] = value
		}
	case "USER":
		c.config.User = rest
	case "WORKDIR":
		c.config.WorkingDir = rest
	case "VOLUME":
		c.config.Volumes[rest] = struct{}{}
	case "EXPOSE":
		for _, w := range words {
			c.config.ExposedPorts[w] = struct{}{}
		}
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &c.config.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &c.config.Cmd)
	case "HEALTHCHECK":
		return c.health(rest)
	default:
		return errNotUnderstood
	}
	return nil
}

// options splits the words that begin with -- from the others.
func options(words []string) (set map[string]string, rest []string) {
	set = map[string]string{}
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		key, value, _ := strings.Cut(words[0][2:], "=")
		set[key], words = value, words[1:]
	}
	return set, words
}

func (c *containerfile) copy(words []string) error {
	set, words := options(words)
	if len(words) < 2 {
		return errNotUnderstood
	}
	last := len(words) - 1
	step := copied{from: words[:last], to: words[last], mode: 0o644}
	for key, value := range set {
		var err error
		switch key {
		case "chmod":
			step.mode, err = strconv.ParseInt(value, 8, 64)
		case "chown":
			_, err = fmt.Sscanf(value, "%d:%d", &step.owner.uid, &step.owner.gid)
		default:
			err = errNotUnderstood
		}
		if err != nil {
			return fmt.Errorf("--%s: %w", key, err)
		}
	}
	c.copies = append(c.copies, step)
	return nil
}

func (c *containerfile) health(rest string) error {
	before, command, ok := strings.Cut(rest, "CMD ")
	if !ok {
		return errNotUnderstood
	}
	h := &healthcheck{}
	set, _ := options(strings.Fields(before))
	for key, value := range set {
		to, ok := map[string]*time.Duration{"interval": &h.Interval, "timeout": &h.Timeout, "start-period": &h.StartPeriod}[key]
		if !ok {
			return fmt.Errorf("--%s: %w", key, errNotUnderstood)
		}
		var err error
		if *to, err = time.ParseDuration(value); err != nil {
			return err
		}
	}
	if err := json.Unmarshal([]byte(command), &h.Test); err != nil {
		return err
	}
	h.Test = append([]string{"CMD"}, h.Test...)
	c.config.Healthcheck = h
	return nil
}
