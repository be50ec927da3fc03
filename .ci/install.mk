# Installing: the library, its headers, manual and pages, and what pkg-config and
# CMake read. DESTDIR stages below another root; what is installed names PREFIX
# alone, and only where it cannot be told from where the file lies.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/libsocket
DESTDIR    ?=

STAGED_LIB     = $(DESTDIR)$(abspath $(LIBDIR))
STAGED_INCLUDE = $(DESTDIR)$(abspath $(INCLUDEDIR))
STAGED_MAN     = $(DESTDIR)$(abspath $(MANDIR))
STAGED_DOC     = $(DESTDIR)$(abspath $(DOCDIR))
STAGED_PC      = $(STAGED_LIB)/pkgconfig
STAGED_CMAKE   = $(STAGED_LIB)/cmake/libsocket

INSTALLED_HEADERS := $(PUBLIC_HEADERS) $(CPP_HEADERS)
INSTALLED_PAGES   := $(wildcard docs/*.md docs/*.svg)

# As pkg-config and CMake find them when the whole prefix is moved.
below_prefix = $(patsubst $(abspath $(PREFIX))/%,$${prefix}/%,$(abspath $(1)))
from_cmake   = $(shell realpath --canonicalize-missing --no-symlinks \
	--relative-to='$(abspath $(LIBDIR))/cmake/libsocket' '$(abspath $(1))')
FILL = sed -e 's|@PREFIX@|$(abspath $(PREFIX))|' -e 's|@LIBDIR@|$(call below_prefix,$(LIBDIR))|' \
	-e 's|@INCLUDEDIR@|$(call below_prefix,$(INCLUDEDIR))|' \
	-e 's|@INCLUDE_FROM_HERE@|$(call from_cmake,$(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|'

.PHONY: install-files uninstall-files
install-files: $(LIBRARY) $(MAN)/made
	install -d $(STAGED_PC) $(STAGED_INCLUDE) $(STAGED_CMAKE) $(STAGED_MAN)/man3 $(STAGED_MAN)/man7 $(STAGED_DOC)
	install -m 755 $(LIBRARY).$(VERSION) $(STAGED_LIB)
	cp -P build/$(SONAME) $(LIBRARY) $(STAGED_LIB)
	install -m 644 $(INSTALLED_HEADERS) $(STAGED_INCLUDE)
	install -m 644 $(MAN)/man3/* $(STAGED_MAN)/man3
	install -m 644 $(MAN)/man7/* $(STAGED_MAN)/man7
	install -m 644 $(INSTALLED_PAGES) $(STAGED_DOC)
	$(FILL) bindings/c/libsocket.pc.in >$(STAGED_PC)/libsocket.pc
	$(FILL) bindings/c/cmake/libsocketConfig.cmake.in >$(STAGED_CMAKE)/libsocketConfig.cmake
	$(FILL) bindings/c/cmake/libsocketConfigVersion.cmake.in >$(STAGED_CMAKE)/libsocketConfigVersion.cmake
	@if [ -z '$(DESTDIR)' ] && ! { ldconfig && ldconfig -p | grep -q ' $(abspath $(LIBDIR))/$(SONAME)$$'; } 2>/dev/null; then \
		echo 'if programs do not find libsocket.so: name $(abspath $(LIBDIR)) in /etc/ld.so.conf and run ldconfig, or set LD_LIBRARY_PATH=$(abspath $(LIBDIR))'; fi

# By name, one by one: what else lies there is somebody else's.
uninstall-files: $(MAN)/made
	rm -f $(addprefix $(STAGED_LIB)/,libsocket.so $(SONAME) libsocket.so.$(VERSION)) \
		$(STAGED_PC)/libsocket.pc $(addprefix $(STAGED_INCLUDE)/,$(notdir $(INSTALLED_HEADERS))) \
		$(STAGED_CMAKE)/libsocketConfig.cmake $(STAGED_CMAKE)/libsocketConfigVersion.cmake
	cd $(MAN) && for page in man?/*; do rm -f "$(STAGED_MAN)/$$page"; done
	rm -f $(addprefix $(STAGED_DOC)/,$(notdir $(INSTALLED_PAGES)))
	@rmdir $(STAGED_CMAKE) $(STAGED_DOC) 2>/dev/null || true

.PHONY: test-install
test-install: $(LIBRARY) $(MAN)/made | packages-test
	@.ci/install_test.sh
