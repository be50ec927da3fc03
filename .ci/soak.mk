# make soak: what takes too long for make test, one suite after the other. A
# new one is a target soak-NAME here and its name in the list.

SOAK_SECONDS ?= 1800
SOAKS := soak-go soak-c soak-sanitizers soak-python soak-deb

.PHONY: $(SOAKS)
soak-go: | go packages-build packages-tools $(VENV)/bin/python
	@$(GO_TESTS) -timeout 60m ./socket -soak

# Plain for all of the time, with the sanitizers for a tenth of it.
SOAK_C := build/plain/capi/test/soak_test build/sanitized/capi/test/soak_test
soak-c: $(SOAK_C)
	@TEST_SECONDS=$(SOAK_SECONDS) $(word 1,$(SOAK_C))
	@TEST_SECONDS=$$(($(SOAK_SECONDS) / 10 + 1)) $(word 2,$(SOAK_C))

soak-python: $(LIBRARY) $(VENV)/tools
	@$(VENV)/bin/python -m pytest --quiet bindings/python --soak -o faulthandler_timeout=3600

# Not long, but it fetches packages.
soak-deb: test-deb
