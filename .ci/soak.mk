# make soak: what takes too long for make test, one suite after the other. A
# new one is a target soak-NAME here and its name in the list.

SOAK_SECONDS ?= 1800
SOAKS := soak-go soak-python soak-deb

.PHONY: $(SOAKS)
soak-go: | go packages-build packages-tools $(VENV)/bin/python
	@$(GO_TESTS) -timeout 60m ./socket -soak

soak-python: $(LIBRARY) $(VENV)/tools
	@$(VENV)/bin/python -m pytest --quiet bindings/python --soak -o faulthandler_timeout=3600

# Not long, but it fetches packages.
soak-deb: test-deb
