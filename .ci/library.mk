# build/libsocket.so: the Go package capi as a C shared library.

VERSION := $(shell sed -n 's/^.define LIBSOCKET_VERSION "\(.*\)"/\1/p' include/libsocket.h)
SONAME  := libsocket.so.$(firstword $(subst ., ,$(VERSION)))
LIBRARY := build/libsocket.so

# What the library is made of: nothing else rebuilds it.
LIBRARY_SOURCES := .ci/compile.sh .ci/signals.sh go.mod go.sum include/libsocket.h \
	$(wildcard capi/*.c capi/*.h capi/*.map) \
	$(filter-out %_test.go,$(shell find socket capi -name '*.go' -o -name '*.s'))

build/unstripped/libsocket.so: $(LIBRARY_SOURCES) | go packages-build
	.ci/compile.sh $@

# What ships is stripped; debuggers and valgrind find the debug file beside it.
$(LIBRARY).$(VERSION): build/unstripped/libsocket.so
	objcopy --only-keep-debug $< $@.debug
	objcopy --strip-unneeded --add-gnu-debuglink=$@.debug $< $@

build/$(SONAME): $(LIBRARY).$(VERSION)
	ln -sf $(<F) $@

$(LIBRARY): build/$(SONAME)
	ln -sf $(<F) $@
