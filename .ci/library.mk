# build/libsocket.so: the Go package capi as a C shared library.

VERSION := $(shell sed -n 's/^.define LIBSOCKET_VERSION "\(.*\)"/\1/p' include/libsocket.h)
SONAME  := libsocket.so.$(firstword $(subst ., ,$(VERSION)))
LIBRARY := build/libsocket.so

# What the library is made of: nothing else rebuilds it.
LIBRARY_SOURCES := .ci/signals.sh go.mod go.sum include/libsocket.h $(wildcard capi/*.c capi/*.h capi/*.map) \
	$(filter-out %_test.go,$(shell find socket capi -name '*.go'))

# The map keeps all but libsocket_* inside; an undefined symbol or a text
# relocation is an error here and not at load time.
LIBRARY_LINK := -Wl,-soname,$(SONAME) -Wl,--version-script=$(CURDIR)/capi/libsocket.map \
	-Wl,-z,relro -Wl,-z,now -Wl,-z,defs -Wl,-z,text -Wl,--build-id=sha1

# go build does not notice a change in a header outside the package, so the
# header's checksum goes into the flags. The header Go generates is dropped:
# include/libsocket.h is the only one.
build/unstripped/libsocket.so: $(LIBRARY_SOURCES) | go packages-build
	@mkdir -p $(@D)
	@.ci/signals.sh $(@D)/signals.json
	CGO_CFLAGS="-O2 -g -DLIBSOCKET_HEADER=$$(cksum <include/libsocket.h | cut -d' ' -f1)" \
	go build -trimpath -buildvcs=false -buildmode=c-shared -overlay $(@D)/signals.json \
		-ldflags "-extldflags '$(LIBRARY_LINK)'" -o $@ ./capi
	@rm -f $(@D)/libsocket.h

# What ships is stripped; debuggers and valgrind find the debug file beside it.
$(LIBRARY).$(VERSION): build/unstripped/libsocket.so
	objcopy --only-keep-debug $< $@.debug
	objcopy --strip-unneeded --add-gnu-debuglink=$@.debug $< $@

build/$(SONAME): $(LIBRARY).$(VERSION)
	ln -sf $(<F) $@

$(LIBRARY): build/$(SONAME)
	ln -sf $(<F) $@
