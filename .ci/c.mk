# The C tests, each compiled in several ways, and the headers they are for.

PUBLIC_HEADERS := include/libsocket.h $(wildcard bindings/c/*.h)

C_TESTS   := $(wildcard bindings/c/test/*_test.c capi/test/*_test.c)
C_HEADERS := $(PUBLIC_HEADERS) $(wildcard bindings/c/test/*.h capi/test/*.h)

C_FLAGS := -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Ibindings/c -Ibindings/c/test -Ibuild/test
link_in  = -pthread -L$(1) -Wl,-rpath,$(CURDIR)/$(1) -Wl,--as-needed -lsocket -lm
C_LINK  := $(call link_in,build)

SANITIZE := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow \
	-fno-sanitize-recover=all

# The ways, each with a directory of its name below build/.
COMPILE_plain     := gcc -x c -std=c99 -O2
COMPILE_sanitized := gcc -x c -std=c99 $(SANITIZE)
COMPILE_cxx       := g++ -x c++ -std=c++17 -O2

# Two ways more, with a library that has the sanitizer in it as well: what Go
# does to the host's memory, and races across the boundary. Building them takes
# longer than running: they are part of make soak.
COMPILE_address := gcc -x c -std=c99 -O1 -fno-omit-frame-pointer -fsanitize=address
COMPILE_thread  := gcc -x c -std=c99 -O1 -fno-omit-frame-pointer -fsanitize=thread
SANITIZERS      := address thread

$(foreach way,plain sanitized cxx,$(eval LIBRARY_$(way) := $(LIBRARY)))
$(foreach way,$(SANITIZERS),$(eval LIBRARY_$(way) := build/$(way)/libsocket.so))

$(foreach way,$(SANITIZERS),$(LIBRARY_$(way))): build/%/libsocket.so: $(LIBRARY_SOURCES) | go packages-build
	.ci/compile.sh $@ $*
	ln -sf $(@F) $(@D)/$(SONAME)

# What the tests know of the functions comes from the header itself.
build/test/functions.inc: capi/test/functions.py include/libsocket.h | packages-python
	@mkdir -p $(@D)
	@$(PYTHON) capi/test/functions.py table include/libsocket.h >$@

build/test/recorder.h: capi/test/functions.py include/libsocket.h | packages-python
	@mkdir -p $(@D)
	@$(PYTHON) capi/test/functions.py recorder include/libsocket.h >$@

C_MADE := build/test/functions.inc build/test/recorder.h

# The plain way keeps a record of the statuses that the tests were given.
RECORD_plain := -include build/test/recorder.h

define C_PROGRAM
build/$(1)/%: %.c $(C_HEADERS) $(C_MADE) | $(LIBRARY_$(1)) packages-test
	@mkdir -p $$(@D); echo 'compiling $$@'
	@$$(COMPILE_$(1)) $$(if $$(filter capi/%,$$<),$$(RECORD_$(1))) $(C_FLAGS) -o $$@ $$< $(call link_in,$(patsubst %/,%,$(dir $(LIBRARY_$(1)))))
endef
$(foreach way,plain sanitized cxx $(SANITIZERS),$(eval $(call C_PROGRAM,$(way))))

# The headers are C++ too, and so are the tests of what they hold.
CXX_TESTS := $(filter bindings/% %/header_test.c,$(C_TESTS))

# memory_test has a malloc of its own, which a sanitizer has too.
SANITIZED_TESTS := $(filter-out %/memory_test.c,$(C_TESTS))

C_TEST_PROGRAMS := $(C_TESTS:%.c=build/plain/%) $(SANITIZED_TESTS:%.c=build/sanitized/%) \
	$(CXX_TESTS:%.c=build/cxx/%)

# load_test loads the library that is not the sanitizer's.
SANITIZER_PROGRAMS := $(foreach way,$(SANITIZERS),$(patsubst %.c,build/$(way)/%, \
	$(filter-out %/load_test.c,$(filter capi/%,$(SANITIZED_TESTS)))))

C_VECTORS := build/test/payload_vectors.txt
$(C_VECTORS): bindings/c/test/vectors.py socket/testdata/frames.json | packages-python
	@mkdir -p $(@D)
	$(PYTHON) $^ >$@

# What load_test loads beside the library: another copy, another Go library.
build/test/copy/libsocket.so.0: $(LIBRARY)
	@mkdir -p $(@D)
	@cp -L $< $@

build/test/libsecond.so: capi/test/second/main.go | go packages-build
	@mkdir -p $(@D)
	@go build -trimpath -buildvcs=false -buildmode=c-shared -o $@ ./$(<D)
	@rm -f $(@:.so=.h)

# It has that file in it.
$(filter %/wait_test,$(C_TEST_PROGRAMS) $(SANITIZER_PROGRAMS)): capi/wait.c capi/shim.h

$(filter %/load_test,$(C_TEST_PROGRAMS)): | build/test/copy/libsocket.so.0 build/test/libsecond.so

.PHONY: test-c
test-c: $(C_TEST_PROGRAMS) $(C_VECTORS) | packages-test
	@PYTHON='$(PYTHON)' .ci/c_tests.sh $(C_VECTORS) $(C_TEST_PROGRAMS)

.PHONY: soak-sanitizers
soak-sanitizers: $(SANITIZER_PROGRAMS) $(C_VECTORS) | packages-test
	@.ci/c_tests.sh $(C_VECTORS) $(SANITIZER_PROGRAMS)

# Programs of this build meet a later library.
LATER_PROGRAMS := $(addprefix build/plain/capi/test/, \
	callback_test events_test exchange_test fd_test inside_test lifecycle_test pressure_test queue_test)
.PHONY: test-later
test-later: $(LATER_PROGRAMS) | packages-check
	@.ci/later_test.sh $(ABI_BASELINE) $(LATER_PROGRAMS)
