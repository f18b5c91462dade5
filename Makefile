# What everybody guesses. CI runs .ci/run, which `make check` calls.
GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
PREFIX  ?= /usr/local
TIME    ?= 30s
TARGET  ?= .
# Of a release: what to build for, as OS/ARCH; empty is all.
PLATFORMS ?=

.PHONY: help build test race browser lint fmt fuzz bench bench-peers vulns check release install clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-11s %s\n", $$1, $$2}'

build: ## build ./keeptrack
	$(GO) build ./cmd/keeptrack

test: ## run the tests; those that lack a client or root are skipped
	$(GO) test ./...

race: ## run the tests as CI does: race detector, random order
	$(GO) test -race -shuffle=on ./...

browser: ## test the pages in Chromium
	cd cmd/browsertest && $(GO) test ./...

lint: ## run golangci-lint (.golangci.yml)
	$(TOOL) golangci-lint run ./...

fmt: ## format the source
	gofmt -l -w $$(git ls-files '*.go')

fuzz: ## run every fuzz target for TIME=30s, or those that match TARGET=
	.ci/fuzz $(TIME) '$(TARGET)'

bench: ## run the benchmarks; compare two runs with benchstat (docs/performance.md)
	$(GO) test -run '^$$' -bench . ./...

bench-peers: ## measure keeptrack beside other trackers; FLAGS='--help' tells more
	CGO_ENABLED=0 $(GO) run ./cmd/benchpeers $(FLAGS)

vulns: ## look for known vulnerabilities; needs the internet
	.ci/vulns

check: ## run everything that CI runs, on a machine that may install packages
	.ci/run

release: ## build binaries, packages and images into dist/ (docs/install.md)
	rm -rf dist
	$(GO) run ./cmd/release $(if $(PLATFORMS),-platforms '$(PLATFORMS)')

install: build ## install the program and its man pages below PREFIX=/usr/local
	install -D -m 0755 keeptrack $(DESTDIR)$(PREFIX)/bin/keeptrack
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 0644 packaging/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 packaging/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5

clean: ## remove what build and release left
	rm -rf keeptrack dist
