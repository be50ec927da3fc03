# libsocket. `make help` lists what there is to make.
# Each concern has its own file or script in .ci/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

include .ci/versions.env
include .ci/library.mk
include .ci/python.mk
include .ci/c.mk
include .ci/examples.mk
include .ci/check.mk
include .ci/cpp.mk
include .ci/viewers.mk
include .ci/man.mk
include .ci/install.mk
include .ci/dist.mk
include .ci/soak.mk
include .ci/bench.mk

FUZZTIME   ?= 30s
FUZZ       ?= .
BENCH      ?= .
BENCHTIME  ?= 1s
BENCHCOUNT ?= 1
COVERAGE   := 90

##@ Use

.PHONY: help build examples demo dev-shell
help: ## this list
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

build: $(LIBRARY) $(VENV)/installed ## build/libsocket.so, and a .venv whose python imports dotfiles_socket

examples: $(EXAMPLES) ## the programs of examples/, in build/examples

demo: build examples ## a C, a Go and a Python viewer watch one Python job
	@$(VENV)/bin/python .ci/demo.py

dev-shell: build $(VENV)/tools ## a shell in which C, Go and Python find this build
	@.ci/dev-shell.sh

##@ Test

.PHONY: test soak cover fuzz bench
# Tests in Go wait half of their time: what builds more than it waits goes
# beside them.
SUITES := go+later+cpp+examples+install+dist+wheel+accelerator coverage c python
test: packages-test build $(VENV)/tools ## every test in every language, and what it came to
	@MAKE='$(MAKE)' .ci/suites.sh $(addprefix test-,$(subst +,+test-,$(SUITES)))

soak: packages-test build $(VENV)/tools ## what takes hours: SOAKS='soak-go ...' chooses, SOAK_SECONDS=1800
	@MAKE='$(MAKE)' .ci/suites.sh $(SOAKS)

cover: test-go test-coverage ## how much of socket/ the Go tests run, file by file; fails below 90 %

fuzz: | go ## each Go fuzz target for FUZZTIME (30s); FUZZ=regexp chooses
	@.ci/fuzz.sh '$(FUZZTIME)' '$(FUZZ)'

bench: bench-run ## against libzmq, NNG, NATS and raw sockets: docs/performance.md; BENCH_SCALE=1 BENCH_ONLY=regexp

.PHONY: test-go test-coverage
GO_TESTS := $(VENV)/bin/python .ci/go_tests.py -count 1
test-go: | go packages-build packages-tls packages-tools $(VENV)/bin/python
	@mkdir -p build
	@$(GO_TESTS) -race -timeout 20m -covermode atomic -coverpkg ./socket/... \
		-coverprofile build/coverage.out $$(go list ./... | grep -v /examples)

test-coverage:
	@.ci/coverage.sh build/coverage.out $(COVERAGE)

##@ Care

.PHONY: check format lint type-check
# One problem does not hide the others.
ifneq ($(filter check,$(MAKECMDGOALS)),)
MAKEFLAGS += --keep-going
endif
check: $(CHECKS) ## everything that can be said without running the tests
	@echo 'all checks passed'

format: $(VENV)/tools | go ## gofmt and ruff, in place
	gofmt -w $(GO_DIRS)
	$(VENV)/bin/python -m ruff check --quiet --fix-only .
	$(VENV)/bin/python -m ruff format .

lint: check-vet check-staticcheck check-ruff check-shell ## go vet, staticcheck, ruff, shellcheck

type-check: check-mypy check-header ## mypy --strict, and the header under three standards

##@ Ship

.PHONY: install uninstall wheel man dist deb clean
install: install-files ## library, headers, manual pages, pkg-config and CMake files; PREFIX=/usr/local DESTDIR=

uninstall: uninstall-files ## what install put there

dist: dist-archive ## dist/*.tar.gz: the source with its Go modules, which builds without a network

deb: deb-packages ## dist/*.deb for Debian 12: libsocket0, libsocket-dev, python3-dotfiles-socket

man: man-pages ## libsocket(7) and the pages of section 3, in build/man

wheel: build-wheel ## dist/: a wheel with the library inside, and a source distribution

clean: ## all that make made, .venv included
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache
	rm -f bindings/python/src/dotfiles_socket/*.so
	find bindings examples .ci \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

# What has to be on the machine. Order-only: checked each time, rebuilds nothing.
.PHONY: packages-tools packages-tls go packages-build packages-python packages-headers packages-check packages-test
go:
	@.ci/go.sh
packages-build:
	@.ci/packages.sh gcc libc6-dev binutils
packages-tls:
	@.ci/packages.sh openssl
# What some Go tests look at processes with: reported when it cannot be had, and
# those tests are skipped by name.
packages-tools:
	@for package in strace systemd; do .ci/packages.sh $$package || true; done
packages-python:
	@PYTHON='$(PYTHON)' .ci/packages.sh python3 python3-venv
# For the accelerator, which Python does without where they cannot be had.
packages-headers: | packages-python
	@PYTHON='$(PYTHON)' .ci/packages.sh python3-dev || true
packages-check:
	@.ci/packages.sh git gcc g++ libc6-dev binutils abigail-tools
packages-test:
	@.ci/packages.sh gcc g++ libc6-dev pkg-config cmake valgrind man-db
