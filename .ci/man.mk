# Manual pages, made from the header: libsocket(7), a page for each section of
# the header, and for each function one that leads to it.

MAN := build/man

# The day of the header's last change, or of the source archive.
MAN_DATE = $(or $(shell git log -1 --format=%cs -- include/libsocket.h 2>/dev/null),$(shell date -u -r include/libsocket.h +%F))

$(MAN)/made: .ci/man.py include/libsocket.h | packages-python
	@rm -rf $(MAN)
	@$(PYTHON) .ci/man.py include/libsocket.h $(MAN) $(MAN_DATE)
	@touch $@

.PHONY: man-pages check-man packages-man
man-pages: $(MAN)/made

packages-man:
	@.ci/packages.sh man-db mandoc

CHECKS += check-man
check-man: $(MAN)/made | packages-man packages-check
	.ci/man_check.sh include/libsocket.h $(MAN)
