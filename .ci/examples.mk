# The programs of examples/ that are compiled: build/examples/SCENARIO/
# {c,go}-{server,client}. The Python ones run as they are.

EXAMPLES := \
	$(foreach role,server client, \
		$(patsubst examples/%/$(role).c,build/examples/%/c-$(role),$(wildcard examples/*/$(role).c)) \
		$(patsubst examples/%/$(role)/main.go,build/examples/%/go-$(role),$(wildcard examples/*/$(role)/main.go)))

# rpath: they run without LD_LIBRARY_PATH, from this tree.
define EXAMPLE
build/examples/%/c-$(1): examples/%/$(1).c $(PUBLIC_HEADERS) $(wildcard examples/*/*.h) | $(LIBRARY)
	@mkdir -p $$(@D); echo 'compiling $$@'
	@gcc -std=c99 -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Ibindings/c -o $$@ $$< \
		-Lbuild -Wl,-rpath,$(CURDIR)/build -lsocket

build/examples/%/go-$(1): examples/%/$(1)/main.go $(filter go.% socket/%,$(LIBRARY_SOURCES)) | go
	@mkdir -p $$(@D); echo 'compiling $$@'
	@go build -o $$@ ./$$(<D)
endef
$(foreach role,server client,$(eval $(call EXAMPLE,$(role))))

# Every pair of languages. They are processes: the race detector sees nothing.
.PHONY: test-examples
test-examples: build examples viewers
	@$(GO_TESTS) -timeout 20m ./examples
