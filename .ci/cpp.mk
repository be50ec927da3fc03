# The C++ headers of bindings/c and their tests. A second compiler is used when
# it is on the machine, and named when it is not.

CPP_HEADERS := $(wildcard bindings/c/*.hpp)
CPP_TESTS   := $(wildcard bindings/c/test/cpp_*_test.cpp)
CPP_SUPPORT := $(CPP_HEADERS) $(wildcard bindings/c/test/*.hpp)
CPP_FLAGS   := $(C_FLAGS) -Wconversion
CLANGXX     := $(shell command -v clang++)

# Which tests promise to work without exceptions.
CPP_NOEXCEPT_TESTS := $(filter %_payload_test.cpp %_results_test.cpp,$(CPP_TESTS))

# The ways, as for the C tests. LeakSanitizer sees what valgrind would.
CPP_cxx17     := g++ -std=c++17 -O2
CPP_sanitized := g++ -std=c++20 $(SANITIZE)
CPP_noexcept  := g++ -std=c++17 -O2 -fno-exceptions
CPP_clang     := clang++ -std=c++20 -O2

define CPP_PROGRAM
build/$(1)/%: %.cpp $(C_HEADERS) $(CPP_SUPPORT) | $(LIBRARY) packages-test
	@mkdir -p $$(@D); echo 'compiling $$@'
	@$$(CPP_$(1)) $(CPP_FLAGS) -o $$@ $$< $(C_LINK)
endef
$(foreach way,cxx17 sanitized noexcept clang,$(eval $(call CPP_PROGRAM,$(way))))

CPP_TEST_PROGRAMS := $(CPP_TESTS:%.cpp=build/cxx17/%) $(CPP_TESTS:%.cpp=build/sanitized/%) \
	$(CPP_NOEXCEPT_TESTS:%.cpp=build/noexcept/%) \
	$(if $(CLANGXX),$(CPP_TESTS:%.cpp=build/clang/%))

.PHONY: test-cpp clang-or-say
test-cpp: $(CPP_TEST_PROGRAMS) | clang-or-say packages-test
	@.ci/c_tests.sh - $(CPP_TEST_PROGRAMS)

clang-or-say:
	$(if $(CLANGXX),@:,@echo 'clang++ is not on this machine: the C++ headers are compiled by g++ alone')

# Each header alone; and together they know all that is in libsocket.h.
.PHONY: check-cpp
CHECKS += check-cpp
check-cpp: | clang-or-say packages-check
	@for header in $(CPP_HEADERS); do \
		for compiler in g++ $(notdir $(CLANGXX)); do \
			for standard in c++17 c++20; do \
				$$compiler -x c++ -std=$$standard $(HEADER_FLAGS) -Ibindings/c "$$header"; \
				$$compiler -x c++ -std=$$standard -fno-exceptions $(HEADER_FLAGS) -Ibindings/c "$$header"; \
			done; \
		done; \
	done
	@.ci/cpp_complete.sh include/libsocket.h $(CPP_HEADERS)
