# The source archive, with what go.mod asks for in vendor/: it builds without a
# network. And the Debian packages, which are made from it.

DIST := dist/libsocket-$(VERSION).tar.gz

.PHONY: dist-archive deb-packages test-dist test-deb packages-deb
dist-archive: | go
	@.ci/dist.sh $(DIST)

packages-deb:
	@PYTHON=/usr/bin/python3 .ci/packages.sh debhelper dh-python lintian python3-dev

deb-packages: dist-archive | packages-deb packages-build
	@.ci/deb.sh $(DIST) $(VERSION)

test-dist: dist-archive | packages-build packages-test
	@.ci/dist_test.sh $(DIST)

test-deb: deb-packages
	@.ci/deb_test.sh $(VERSION)
