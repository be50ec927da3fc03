# Viewers of the progress scenario beyond Go, C and Python: in event loops
# (examples/loops) and in other languages (examples/languages). Each becomes
# build/viewers/NAME. What a machine cannot build is said, in a file NAME.missing
# too, and the test of it is skipped by name.

LOOPS     := $(notdir $(basename $(wildcard examples/loops/*.c)))
LANGUAGES := $(notdir $(wildcard examples/languages/*))

define VIEWER
build/viewers/$(1): .ci/viewer.sh .ci/versions.env $(2) $(PUBLIC_HEADERS) $(CPP_HEADERS) | $(LIBRARY)
	@.ci/viewer.sh $(1)
endef
$(foreach loop,$(LOOPS),$(eval $(call VIEWER,$(loop),examples/loops/$(loop).c examples/progress/bar.h)))
$(foreach language,$(LANGUAGES),$(eval $(call VIEWER,$(language),\
	$(shell find examples/languages/$(language) -type f))))

.PHONY: viewers
viewers: $(addprefix build/viewers/,$(LOOPS) $(LANGUAGES))
