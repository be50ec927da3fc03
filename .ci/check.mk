# What `make check` looks at: one target a question, quiet when all is well.

GO_DIRS := $(wildcard socket capi bindings examples)

CHECKS := check-gofmt check-vet check-vet-elsewhere check-staticcheck \
	check-header check-accelerator check-declarations check-elf check-abi \
	check-ruff check-mypy check-shell check-docs check-layout
.PHONY: $(CHECKS)

check-gofmt: | go
	@unformatted=$$(gofmt -l $(GO_DIRS)); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted" >&2; exit 1; fi

check-vet: | go packages-build
	go vet ./...

# The library itself is kept compiling where it is not run yet: elsewhere, and
# without the assembly of amd64.
check-vet-elsewhere: | go
	GOOS=darwin go vet ./socket/...
	GOARCH=arm64 go vet ./socket/...

check-staticcheck: | go packages-build
	go run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION) ./...

# The public headers alone, as every language they claim to be written in.
HEADER_FLAGS := -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude
check-header: | packages-check
	@for header in $(PUBLIC_HEADERS); do \
		gcc -x c -std=c99 $(HEADER_FLAGS) "$$header"; \
		gcc -x c -std=c11 $(HEADER_FLAGS) "$$header"; \
		g++ -x c++ -std=c++17 $(HEADER_FLAGS) "$$header"; \
	done

# Without -Wpedantic: the API of Python keeps functions in pointers to void.
check-accelerator: $(VENV)/installed
	@gcc -x c -std=c11 -fsyntax-only -Wall -Wextra -Wconversion -Werror -Iinclude \
		-isystem "$(PYTHON_HEADERS)" \
		bindings/python/accelerator/*.c

# Header and exports are compared by check-elf, header and ctypes here.
check-declarations: $(LIBRARY) $(VENV)/tools
	$(VENV)/bin/python -m pytest --quiet bindings/python/tests/test_header.py

check-elf: $(LIBRARY) | packages-check
	.ci/elf.sh include/libsocket.h $(LIBRARY) $(SONAME)

# The baseline is the interface of the last release. An incompatible change
# needs a new soname; an addition is taken in by `make abi-baseline`.
ABI_BASELINE := .ci/libsocket.abi
check-abi: build/unstripped/libsocket.so | packages-check
	.ci/abi.sh check $(ABI_BASELINE) $<

.PHONY: abi-baseline
abi-baseline: build/unstripped/libsocket.so | packages-check
	.ci/abi.sh write $(ABI_BASELINE) $<

check-ruff: $(VENV)/tools
	$(VENV)/bin/python -m ruff check --quiet .
	$(VENV)/bin/python -m ruff format --quiet --check .

# Then a program as a user's mypy sees it, which knows what is installed.
check-mypy: $(VENV)/tools
	$(VENV)/bin/python -m mypy
	@$(VENV)/bin/python -m mypy --strict --config-file= --cache-dir .mypy_cache/user \
		--no-error-summary bindings/python/tests/typed_user.py

check-shell: $(VENV)/tools
	$(VENV)/bin/shellcheck .ci/*.sh .ci/run .ci/debian/smoke/run.sh examples/quickstart/*.sh

check-docs: | $(VENV)/bin/python
	$(VENV)/bin/python .ci/docs.py

check-layout: | packages-check
	.ci/layout.sh
