# Installing: the library, its headers, and what pkg-config and CMake read.
# DESTDIR stages below another root; what is installed names PREFIX alone.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR    ?=

STAGED_LIB     = $(DESTDIR)$(abspath $(LIBDIR))
STAGED_INCLUDE = $(DESTDIR)$(abspath $(INCLUDEDIR))
STAGED_CMAKE   = $(STAGED_LIB)/cmake/libsocket

FILL = sed -e 's|@PREFIX@|$(abspath $(PREFIX))|' -e 's|@LIBDIR@|$(abspath $(LIBDIR))|' \
	-e 's|@INCLUDEDIR@|$(abspath $(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|'

.PHONY: install-files uninstall-files
install-files: $(LIBRARY)
	install -d $(STAGED_LIB)/pkgconfig $(STAGED_INCLUDE) $(STAGED_CMAKE)
	install -m 755 $(LIBRARY).$(VERSION) $(STAGED_LIB)
	cp -P build/$(SONAME) $(LIBRARY) $(STAGED_LIB)
	install -m 644 $(PUBLIC_HEADERS) $(CPP_HEADERS) $(STAGED_INCLUDE)
	$(FILL) bindings/c/libsocket.pc.in >$(STAGED_LIB)/pkgconfig/libsocket.pc
	$(FILL) bindings/c/cmake/libsocketConfig.cmake.in >$(STAGED_CMAKE)/libsocketConfig.cmake
	$(FILL) bindings/c/cmake/libsocketConfigVersion.cmake.in >$(STAGED_CMAKE)/libsocketConfigVersion.cmake
	@if [ -z '$(DESTDIR)' ] && ! ldconfig 2>/dev/null; then \
		echo 'if programs do not find libsocket.so: run ldconfig as root, or set LD_LIBRARY_PATH=$(LIBDIR)'; fi

uninstall-files:
	rm -f $(addprefix $(STAGED_LIB)/,libsocket.so $(SONAME) libsocket.so.$(VERSION) pkgconfig/libsocket.pc) \
		$(addprefix $(STAGED_INCLUDE)/,$(notdir $(PUBLIC_HEADERS) $(CPP_HEADERS)))
	rm -rf $(STAGED_CMAKE)

.PHONY: test-install
test-install: $(LIBRARY) | packages-test
	@.ci/install_test.sh
