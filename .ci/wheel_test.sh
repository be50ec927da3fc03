#!/usr/bin/env bash
# wheel_test.sh: what is in dist/, as a user meets it. The wheel is for the
# platform that it says, and works in each supported Python that is on this
# machine; the source distribution builds there too. Each in an environment of
# its own, outside of the tree, with nothing to find the library by.
# $NEEDS are the packages that it needs, $BUILD_NEEDS those to build it with.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra runs_with <<<"$NEEDS"
read -ra builds_with <<<"$BUILD_NEEDS"

pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
environments=$PWD/build/test/wheel
wheel=$(echo dist/dotfiles_socket-*.whl)
source_distribution=$(echo dist/dotfiles_socket-*.tar.gz)
passed=0 failed=0 skipped=0

# judge NAME COMMAND...: counts one test.
judge() {
	local name=$1
	shift
	if "$@"; then
		echo "ok   $name"
		passed=$((passed + 1))
	else
		echo "FAIL $name" >&2
		failed=$((failed + 1))
	fi
}

# The glibc that the name of the wheel promises is the one it needs.
platform() {
	local needed tag
	needed=$(objdump -T build/libsocket.so | grep -oE 'GLIBC_2\.[0-9]+' | sort -Vu | tail -n 1)
	tag=manylinux_2_${needed#GLIBC_2.}_$(uname -m)
	[[ $wheel == *-py3-none-$tag.whl ]] &&
		.venv/bin/python -m auditwheel show "$wheel" | tr '\n' ' ' | grep -F "platform tag: \"$tag\"" >/dev/null
}

# The Go sources are in it, without tests and without anything made.
sources() {
	local names
	names=$(tar --list --gzip --file "$source_distribution") &&
		grep -q '/libsocket/include/libsocket.h$' <<<"$names" &&
		grep -q '/libsocket/capi/libsocket.map$' <<<"$names" &&
		! grep -E '_test\.go$|/testdata/|\.(so|o|a|pyc)$' <<<"$names" >&2
}

# environment NAME PYTHON PACKAGE...: makes it, and installs into it.
environment() {
	local name=$1 python=$2
	shift 2
	rm -rf "${environments:?}/$name"
	"$python" -m venv --without-pip "$environments/$name" &&
		"${pip[@]}" --python "$environments/$name/bin/python" install "$@"
}

# works PYTHON: sends a message, with nothing in the environment.
works() {
	(cd / && env --ignore-environment "$1" "$OLDPWD/.ci/wheel_test.py")
}

# installs VERSION PYTHON: the wheel, without a compiler or Go.
installs() {
	environment "$1" "$2" "${runs_with[@]}" --only-binary dotfiles-socket "$wheel" &&
		works "$environments/$1/bin/python"
}

# builds PYTHON: the source distribution.
builds() {
	environment source "$1" "${runs_with[@]}" "${builds_with[@]}" &&
		"${pip[@]}" --python "$environments/source/bin/python" \
			install --no-build-isolation --no-deps "$source_distribution" &&
		works "$environments/source/bin/python"
}

# Without Go it does not, and says what to do.
asks_for_go() {
	! PATH=$environments/source/bin "$PWD/${pip[0]}" "${pip[@]:1}" --python "$environments/source/bin/python" \
		install --no-build-isolation --no-deps --force-reinstall "$source_distribution" >build/test/without-go.log 2>&1 &&
		grep -q 'there is no go: .* go.dev/dl' build/test/without-go.log
}

# interpreter VERSION: prints where one is.
interpreter() {
	local candidate
	for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
		if "$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null; then return; fi
	done
	return 1
}

judge "the wheel is for the platform in its name: ${wheel##*/}" platform
judge 'the source distribution has the Go module' sources
judge 'the source distribution builds and works' builds .venv/bin/python
judge 'without Go it says what is missing' asks_for_go
versions=$(sed -n 's/.*Python :: \(3\.[0-9]*\)",/\1/p' bindings/python/pyproject.toml)
for version in $versions; do
	if python=$(interpreter "$version"); then
		judge "Python $version: the wheel installs and works" installs "$version" "$python"
	else
		echo "skip Python $version: there is none on this machine"
		skipped=$((skipped + 1))
	fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
